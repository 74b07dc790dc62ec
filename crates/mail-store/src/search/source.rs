//! Where the candidates of a search come from: one query of the index that holds every match, and
//! few others.

use super::pattern::Pattern;
use super::tree::{Fact, Node, Place};

/// A query of FTS5 that matches at least what a part of the tree does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expression {
    pub(crate) text: String,
    /// Whether it matches nothing else.
    pub(crate) exact: bool,
}

/// The tables of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// Subjects, people and names of files of all mail.
    Head,
    /// All words, in parts.
    Parts,
}

/// A node as a query of a table; none where it cannot narrow anything down.
pub(crate) fn express(node: &Node, table: Table) -> Option<Expression> {
    match node {
        Node::Words(place, pattern) => {
            let (column, exact) = column(*place, table)?;
            // The parts keep no list of beginnings.
            if table == Table::Parts && pattern.is_short() {
                return None;
            }
            Some(Expression {
                text: format!("{column}{}", pattern.phrase()),
                exact,
            })
        }
        Node::All(nodes) => all(nodes, table),
        Node::Any(nodes) => {
            let each: Option<Vec<Expression>> =
                nodes.iter().map(|node| express(node, table)).collect();
            let each = each.filter(|each| !each.is_empty())?;
            Some(joined(&each, " OR "))
        }
        Node::Not(_) | Node::Fact(_) => None,
    }
}

fn all(nodes: &[Node], table: Table) -> Option<Expression> {
    let each: Vec<Option<Expression>> = nodes.iter().map(|node| express(node, table)).collect();
    let some: Vec<Expression> = each.iter().flatten().cloned().collect();
    if some.is_empty() {
        return None;
    }
    let mut together = joined(&some, " AND ");
    // Side by side, not one inside the other: SQLite's parser takes a hundred levels at most.
    let mut left_out = Vec::new();
    for (node, expressed) in nodes.iter().zip(&each) {
        let Node::Not(without) = node else {
            together.exact &= expressed.is_some();
            continue;
        };
        match express(without, table) {
            Some(without) if without.exact => left_out.push(without),
            _ => together.exact = false,
        }
    }
    if !left_out.is_empty() {
        let left_out = joined(&left_out, " OR ").text;
        together.text = format!("({}) NOT ({left_out})", together.text);
    }
    Some(together)
}

fn joined(each: &[Expression], by: &str) -> Expression {
    let texts: Vec<String> = each.iter().map(|one| format!("({})", one.text)).collect();
    Expression {
        text: texts.join(by),
        exact: each.iter().all(|one| one.exact),
    }
}

/// The column filter of a place, and whether it finds nothing but that place.
const fn column(place: Place, table: Table) -> Option<(&'static str, bool)> {
    match (table, place) {
        (Table::Head, Place::Head) => Some(("- files : ", true)),
        (Table::Head, Place::Subject) => Some(("subject : ", true)),
        (Table::Head, Place::From) => Some(("sender : ", true)),
        (Table::Head, Place::To) => Some(("{receiver copy} : ", true)),
        (Table::Head, Place::Cc) => Some(("copy : ", true)),
        (Table::Head, Place::Filename) => Some(("files : ", true)),
        (Table::Head, Place::Anywhere) => None,
        (Table::Parts, Place::Anywhere) => Some(("", true)),
        (Table::Parts, Place::Filename) => Some(("files : ", true)),
        // All words are in one column, so these match too much.
        (Table::Parts, _) => Some(("words : ", false)),
    }
}

/// Limits to keys that the tree's days set: from, and below.
pub(crate) fn days(node: &Node) -> (i64, i64) {
    match node {
        Node::Fact(Fact::Since(second)) => (*second, i64::MAX),
        Node::Fact(Fact::Before(second)) => (i64::MIN, *second),
        Node::All(nodes) => nodes.iter().map(days).fold(
            (i64::MIN, i64::MAX),
            |(from, below), (node_from, node_below)| (from.max(node_from), below.min(node_below)),
        ),
        Node::Any(_) | Node::Not(_) | Node::Words(..) | Node::Fact(_) => (i64::MIN, i64::MAX),
    }
}

/// What every match is, as far as rows of `mail.sqlite` say it by themselves.
pub(crate) fn facts(node: &Node) -> Vec<&Fact> {
    match node {
        Node::Fact(fact) => vec![fact],
        Node::All(nodes) => nodes.iter().flat_map(facts).collect(),
        Node::Any(_) | Node::Not(_) | Node::Words(..) => Vec::new(),
    }
}

/// What is left to look at in a match of [`express`].
pub(crate) fn residual(node: &Node, table: Table) -> Node {
    let is_exact = |node: &Node| express(node, table).is_some_and(|one| one.exact);
    match node {
        _ if is_exact(node) => Node::everything(),
        Node::All(nodes) => {
            let rest = nodes.iter().filter(|node| match node {
                Node::Not(without) => !is_exact(without),
                node => !is_exact(node),
            });
            Node::All(rest.cloned().collect())
        }
        node => node.clone(),
    }
}

/// Words that only the index knows, each once.
pub(crate) fn leaves(node: &Node) -> Vec<(Place, Pattern)> {
    let mut leaves = Vec::new();
    gather(node, &mut leaves);
    leaves
}

fn gather(node: &Node, leaves: &mut Vec<(Place, Pattern)>) {
    match node {
        Node::All(nodes) | Node::Any(nodes) => {
            nodes.iter().for_each(|node| gather(node, leaves));
        }
        Node::Not(node) => gather(node, leaves),
        Node::Words(place @ (Place::Anywhere | Place::Filename), pattern) => {
            let leaf = (*place, pattern.clone());
            if !leaves.contains(&leaf) {
                leaves.push(leaf);
            }
        }
        Node::Words(..) | Node::Fact(_) => {}
    }
}

/// Whether a message can be a match, by what the index says of its words alone.
pub(crate) fn may_hold(node: &Node, index: &impl Fn(Place, &Pattern) -> bool) -> bool {
    could_be(node, index, true)
}

/// Whether the node can be what is wanted, true or false.
fn could_be(node: &Node, index: &impl Fn(Place, &Pattern) -> bool, wanted: bool) -> bool {
    match node {
        Node::All(nodes) if wanted => nodes.iter().all(|node| could_be(node, index, true)),
        Node::All(nodes) => nodes.iter().any(|node| could_be(node, index, false)),
        Node::Any(nodes) if wanted => nodes.iter().any(|node| could_be(node, index, true)),
        Node::Any(nodes) => nodes.iter().all(|node| could_be(node, index, false)),
        Node::Not(node) => could_be(node, index, !wanted),
        Node::Words(place @ (Place::Anywhere | Place::Filename), pattern) => {
            index(*place, pattern) == wanted
        }
        Node::Words(..) | Node::Fact(_) => true,
    }
}

/// Such a leaf as a query, and of which table.
pub(crate) fn leaf(place: Place, pattern: &Pattern) -> (Table, String) {
    match place {
        Place::Filename => (Table::Head, format!("files : {}", pattern.phrase())),
        _ => (Table::Parts, pattern.phrase()),
    }
}

/// What of a row of `mail.sqlite` the tree has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// That it is there, and when it came.
    Place,
    /// Flags, keywords, size, mailboxes.
    Facts,
    /// Subject and people, too.
    Whole,
}

pub(crate) fn depth(node: &Node) -> Depth {
    match node {
        Node::All(nodes) | Node::Any(nodes) => {
            nodes.iter().map(depth).max().unwrap_or(Depth::Place)
        }
        Node::Not(node) => depth(node),
        Node::Words(Place::Anywhere | Place::Filename, _) => Depth::Place,
        Node::Words(..) => Depth::Whole,
        Node::Fact(_) => Depth::Facts,
    }
}

#[cfg(test)]
mod tests {
    use mail_model::search::Words;

    use super::*;

    fn words(place: Place, text: &str, unfinished: bool) -> Node {
        let words = Words {
            text: text.into(),
            quoted: false,
            unfinished,
        };
        Node::Words(place, Pattern::new(&words).unwrap())
    }

    fn not(node: Node) -> Node {
        Node::Not(Box::new(node))
    }

    fn query(node: &Node, table: Table) -> Option<(String, bool)> {
        express(node, table).map(|one| (one.text, one.exact))
    }

    #[test]
    fn a_tree_of_words_is_one_exact_query() {
        let tree = Node::All(vec![
            words(Place::Anywhere, "hall", false),
            not(words(Place::Anywhere, "choir", true)),
            Node::Any(vec![
                words(Place::Filename, "score", false),
                words(Place::Anywhere, "next-week", false),
            ]),
        ]);
        let expected =
            "((\"hall\") AND ((files : \"score\") OR (\"next week\"))) NOT ((\"choir\" *))";
        let (text, exact) = query(&tree, Table::Parts).unwrap();
        assert_eq!((text.as_str(), exact), (expected, true));
        assert_eq!(residual(&tree, Table::Parts), Node::everything());
        assert_eq!(query(&tree, Table::Head), None);
    }

    #[test]
    fn what_the_index_does_not_know_is_left_to_look_at() {
        let tree = Node::All(vec![
            words(Place::Anywhere, "hall", false),
            words(Place::From, "bo", false),
            not(words(Place::From, "ana", false)),
            Node::Fact(Fact::Unread),
        ]);
        let (text, exact) = query(&tree, Table::Parts).unwrap();
        assert_eq!(
            (text.as_str(), exact),
            ("(\"hall\") AND (words : \"bo\")", false)
        );
        let Node::All(rest) = residual(&tree, Table::Parts) else {
            panic!("a list");
        };
        assert_eq!(rest.len(), 3);
        let (text, exact) = query(&tree, Table::Head).unwrap();
        assert_eq!(text, "((sender : \"bo\")) NOT ((sender : \"ana\"))");
        assert!(!exact);
    }

    #[test]
    fn words_alone_can_rule_a_message_out() {
        let hall = || words(Place::Anywhere, "hall", false);
        let unread = || Node::Fact(Fact::Unread);
        let may = |node: &Node, is_there: bool| may_hold(node, &|_, _| is_there);
        assert!(may(&hall(), true) && !may(&hall(), false));
        assert!(!may(&not(hall()), true) && may(&not(hall()), false));
        let both = Node::All(vec![hall(), unread()]);
        assert!(may(&both, true) && !may(&both, false));
        // Not both: the other one may be what is not so.
        assert!(may(&not(both), true));
        let either = Node::Any(vec![hall(), unread()]);
        assert!(may(&either, false) && may(&not(either.clone()), false));
        assert!(!may(&not(either), true));
        assert!(may(&words(Place::From, "bo", false), false));
    }

    #[test]
    fn what_narrows_nothing_down_is_no_query() {
        for tree in [
            not(words(Place::Anywhere, "hall", false)),
            Node::Any(vec![
                words(Place::Anywhere, "hall", false),
                Node::Fact(Fact::Unread),
            ]),
            words(Place::Head, "ha", true),
        ] {
            assert_eq!(query(&tree, Table::Parts), None);
        }
        let short = words(Place::Head, "ha", true);
        assert_eq!(
            query(&short, Table::Head),
            Some(("- files : \"ha\" *".into(), true))
        );
    }
}
