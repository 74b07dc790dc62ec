//! Wrong answers, made from a right one.

use serde_json::{Value, json};

/// A wrong answer and what is wrong with it.
pub(crate) struct Mutation {
    pub(crate) what: String,
    pub(crate) body: Vec<u8>,
}

/// Every member of `right` left out, null, or of another type; lists with an element twice or
/// one less; ids, names and accounts that are others; and texts that are no JSON of that shape.
///
/// `may_miss` names members that may be null or left out, `may_shrink` lists from which a
/// missing element cannot be noticed, and `unread` members or paths that are never looked at.
pub(crate) fn of(
    right: &Value,
    may_miss: &[&str],
    may_shrink: &[&str],
    unread: &[&str],
) -> Vec<Mutation> {
    let mut all = Vec::new();
    let mut paths = Vec::new();
    collect(right, String::new(), &mut paths);
    let has = |names: &[&str], path: &str| {
        let last = path.rsplit('/').next().unwrap_or_default();
        names.contains(&last)
    };
    for path in paths {
        let inside_unread = unread.iter().any(|part| {
            let path = format!("{path}/");
            path.contains(&format!("/{part}/"))
        });
        if inside_unread {
            continue;
        }
        let value = right.pointer(&path).unwrap();
        let mut add = |what: &str, wrong: Option<Value>| {
            if let Some(wrong) = wrong {
                let what = format!("{what} {path}");
                let body = wrong.to_string().into_bytes();
                all.push(Mutation { what, body });
            }
        };
        if !value.is_null() {
            add("another type", Some(with(right, &path, other_type(value))));
        }
        let optional = has(may_miss, &path) || path.is_empty();
        if !optional && !value.is_null() && !is_element(&path) {
            add("null", Some(with(right, &path, Value::Null)));
            add("without", Some(without(right, &path)));
        }
        if let Some(list) = value.as_array()
            && let Some(first) = list.first()
            && is_list_of_objects(&path)
        {
            let mut twice = list.clone();
            twice.push(first.clone());
            add(
                "an element twice in",
                Some(with(right, &path, twice.into())),
            );
            if !has(may_shrink, &path) {
                add(
                    "one element less in",
                    Some(with(right, &path, list[1..].into())),
                );
            }
        }
        for wrong in strings(&path) {
            add(
                &format!("{wrong:.20?} as"),
                Some(with(right, &path, wrong.into())),
            );
        }
    }
    all.extend(texts(right));
    all
}

fn collect(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(member, format!("{path}/{name}"), paths);
            }
        }
        Value::Array(list) => {
            for (index, element) in list.iter().enumerate() {
                collect(element, format!("{path}/{index}"), paths);
            }
        }
        _ => {}
    }
    paths.push(path);
}

fn other_type(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => "true".into(),
        Value::Number(_) => "7".into(),
        Value::String(_) => 7.into(),
        Value::Array(_) => json!({}),
        Value::Object(_) => json!([]),
    }
}

fn with(right: &Value, path: &str, value: Value) -> Value {
    let mut wrong = right.clone();
    *wrong.pointer_mut(path).unwrap() = value;
    wrong
}

fn without(right: &Value, path: &str) -> Value {
    let mut wrong = right.clone();
    let (parent, name) = path.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    match wrong.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.remove(&name)),
        Value::Array(list) => drop(list.remove(name.parse().unwrap())),
        _ => {}
    }
    wrong
}

/// Whether it is an element of a list of addresses, ids or the like, which may be shorter.
fn is_element(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    last.parse::<usize>().is_ok() && !path.starts_with("/methodResponses/") || {
        let depth = path.matches('/').count();
        depth > 3 && last.parse::<usize>().is_ok()
    }
}

fn is_list_of_objects(path: &str) -> bool {
    [
        "list",
        "ids",
        "created",
        "updated",
        "destroyed",
        "methodResponses",
    ]
    .iter()
    .any(|name| path.ends_with(&format!("/{name}")))
}

/// Strings that are wrong at that place.
fn strings(path: &str) -> Vec<String> {
    let last = path.rsplit('/').next().unwrap_or_default();
    let is_call_part = path.matches('/').count() == 3 && path.starts_with("/methodResponses/");
    match last {
        "accountId" => vec!["A2".into(), String::new()],
        "state" | "newState" => vec![String::new(), "x".repeat(256), "a\nb".into()],
        "oldState" => vec!["another".into(), String::new()],
        "receivedAt" => vec!["yesterday".into(), String::new()],
        "id" | "blobId" | "threadId" => vec![String::new(), "x".repeat(256), "a\u{0}b".into()],
        "0" if is_call_part => vec!["Foo/get".into(), "error".into()],
        "2" if is_call_part => vec!["c99".into(), String::new()],
        _ => Vec::new(),
    }
}

/// Texts that are no answer at all.
fn texts(right: &Value) -> Vec<Mutation> {
    let text = right.to_string();
    let mut all: Vec<Mutation> = (1..24)
        .map(|part| Mutation {
            what: format!("cut after {part} of 24 parts"),
            body: text.as_bytes()[..text.len() * part / 24].to_vec(),
        })
        .collect();
    let mut add = |what: &str, body: Vec<u8>| {
        let what = what.to_owned();
        all.push(Mutation { what, body });
    };
    add("nothing", Vec::new());
    add("HTML", b"<!doctype html><title>Sign in</title>".to_vec());
    add("null", b"null".to_vec());
    add("a list", b"[]".to_vec());
    add("an empty object", b"{}".to_vec());
    add("something after it", format!("{text}x").into_bytes());
    add("two of it", format!("{text}{text}").into_bytes());
    add("a byte order mark", format!("\u{feff}{text}").into_bytes());
    add(
        "UTF-16",
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    );
    let at = text.find("State").unwrap_or(0);
    let (before, after) = text.as_bytes().split_at(at);
    add("no UTF-8", [before, b"\xff\xfe", after].concat());
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    add("ten thousand levels", deep.clone().into_bytes());
    let deep_inside = text.replacen(":[", &format!(":[{deep},"), 1);
    add("ten thousand levels inside", deep_inside.into_bytes());
    all
}
