use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::UnixTime;

fn query(text: &str) -> Query {
    parse(text).query
}

fn hints(text: &str) -> Vec<Hint> {
    parse(text).hints
}

fn word(text: &str) -> Words {
    Words {
        text: text.into(),
        quoted: false,
        unfinished: false,
    }
}

fn unfinished(text: &str) -> Words {
    Words {
        unfinished: true,
        ..word(text)
    }
}

fn phrase(text: &str) -> Words {
    Words {
        quoted: true,
        ..word(text)
    }
}

fn text(words: Words) -> Query {
    Query::Is(Criterion::Text(words))
}

fn not(query: Query) -> Query {
    Query::Not(Box::new(query))
}

/// What is typed, and the same as Braid writes it.
fn reads(typed: &str, canonical: &str) {
    let read = query(typed);
    assert_eq!(read.to_string(), canonical, "{typed:?} is {read:?}");
    assert_eq!(query(canonical), read, "{typed:?}");
}

#[test]
fn words_side_by_side_are_all_looked_for_and_the_last_is_still_being_typed() {
    assert_eq!(
        query("annual repo"),
        Query::All(vec![text(word("annual")), text(unfinished("repo"))])
    );
    assert_eq!(query("repo "), text(word("repo")));
    assert_eq!(query(""), Query::everything());
    assert_eq!(query(" \t\u{3000}"), Query::everything());
}

#[test]
fn a_phrase_stays_together_whatever_its_quotation_marks() {
    for typed in [
        "\"annual report\"",
        "“annual report”",
        "„annual report“",
        "\"annual   report",
        "“annual\nreport",
    ] {
        assert_eq!(query(typed), text(phrase("annual report")), "{typed}");
    }
    assert_eq!(query("“she said \"no\"”"), text(phrase("she said \"no\"")));
    assert_eq!(
        query("\"she said \"\"no\"\"\""),
        text(phrase("she said \"no\""))
    );
    reads("from:\"Ana Moreau\"x ", "from:\"Ana Moreau\" x ");
}

#[test]
fn or_binds_weaker_than_standing_side_by_side() {
    assert_eq!(
        query("a b OR c "),
        Query::Any(vec![
            Query::All(vec![text(word("a")), text(word("b"))]),
            text(word("c")),
        ])
    );
    reads("a (b OR c) d ", "a (b OR c) d ");
    reads("(a OR (b OR c))", "a OR b OR c ");
    reads("a or b ", "a or b ");
    reads("\"OR\" a OR b ", "\"OR\" a OR b ");
}

#[test]
fn what_lacks_its_other_half_is_read_as_far_as_it_goes() {
    reads("a OR", "a ");
    reads("OR a OR OR b ", "a OR b ");
    reads("(a OR b", "a OR b");
    reads("c (a OR b", "c (a OR b");
    reads("c -(a OR b ", "c -(a OR b)");
    reads("a) b ) ", "a b ");
    reads("a -", "a ");
    reads("a - b ", "a b ");
    reads("a -OR b ", "a OR b ");
    reads("a from:", "a ");
    reads("a from: is:unread", "a is:unread");
    reads("a -(", "a ");
    reads("a from:()", "a ");
    reads("a \"\" ", "a ");
}

#[test]
fn a_dash_takes_away() {
    assert_eq!(
        query("a -b "),
        Query::All(vec![text(word("a")), not(text(word("b")))])
    );
    reads("-from:ana --b ", "-from:ana b ");
    reads("-(a b) e-mail ", "-(a b) e-mail ");
    reads("-(-(a OR b)) c ", "(a OR b) c ");
}

#[test]
fn fields_are_read_whatever_their_case_and_with_a_space_behind_the_colon() {
    assert_eq!(
        query("From:ana TO:ben cc:cy Subject:plan FILENAME:pdf "),
        Query::All(vec![
            Query::Is(Criterion::From(word("ana"))),
            Query::Is(Criterion::To(word("ben"))),
            Query::Is(Criterion::Cc(word("cy"))),
            Query::Is(Criterion::Subject(word("plan"))),
            Query::Is(Criterion::Filename(word("pdf"))),
        ])
    );
    reads("from: ana from: \"Ana M\" ", "from:ana from:\"Ana M\"");
    assert_eq!(
        query("from:an"),
        Query::Is(Criterion::From(unfinished("an")))
    );
    reads(
        "has:attachment has:attachments has:file has:files",
        "has:attachment has:attachment has:attachment has:attachment",
    );
    reads(
        "is:UNREAD is:read is:starred is:answered is:draft",
        "is:unread is:read is:starred is:answered is:draft",
    );
    assert_eq!(
        query("in:\"Choir 2024\" account:work"),
        Query::All(vec![
            Query::Is(Criterion::In("Choir 2024".into())),
            Query::Is(Criterion::Account("work".into())),
        ])
    );
}

#[test]
fn a_field_before_brackets_is_meant_for_every_word_in_them() {
    reads(
        "from:(ana OR \"Ben Ortiz\") x ",
        "(from:ana OR from:\"Ben Ortiz\") x ",
    );
    reads("from:(ana -ben) x ", "from:ana -from:ben x ");
    reads("-is:(unread starred)", "-(is:unread is:starred)");
    reads("subject:(re: plan) x ", "subject:re: subject:plan x ");
    assert_eq!(hints("is:(unread purple)"), [Hint::WordUnknown]);
}

#[test]
fn addresses_times_and_the_like_are_words() {
    reads(
        "https://x.example/a?b=c 10:30 ",
        "https://x.example/a?b=c 10:30 ",
    );
    reads("from:ana@mail.example ", "from:ana@mail.example ");
    reads("from:x:y from:-x ", "from:x:y from:-x ");
    reads("f(x) ", "f x ");
}

#[test]
fn marks_without_letters_are_not_looked_for_and_pictures_are() {
    reads("a & b — … ", "a b ");
    reads("、。（ ", "");
    reads("🎉 ", "🎉 ");
    reads("電車 ", "電車 ");
}

#[test]
fn a_day_a_month_and_a_year_begin_with_their_first_day() {
    let before = |text: &str| match query(text) {
        Query::Is(Criterion::Before(day)) => day,
        other => panic!("{other:?}"),
    };
    for typed in ["2024-05-01", "2024-05", "2024/5/1", "2024/05", "2024.05.01"] {
        assert_eq!(
            before(&format!("before:{typed}")),
            date(2024, 5, 1),
            "{typed}"
        );
    }
    assert_eq!(before("before:2024"), date(2024, 1, 1));
    assert_eq!(before("before: \"2024-02-29\""), date(2024, 2, 29));
    reads("after:2024-5", "after:2024-05-01");
    reads("on:2024-12", "after:2024-12-01 before:2025-01-01");
    reads("-on:2024", "-(after:2024-01-01 before:2025-01-01)");
    reads("on:2024-02-29", "after:2024-02-29 before:2024-03-01");
    reads("on:9999-12-31", "after:9999-12-31");
}

#[test]
fn what_is_no_date_is_looked_for_as_it_stands_and_said() {
    for wrong in [
        "2023-02-29",
        "2024-13",
        "24-05-01",
        "2024-05-01-01",
        "2024-",
        "05/01/2024",
        "tomorrow",
        "２０２４",
        "+2024",
    ] {
        let typed = format!("before:{wrong} ");
        assert_eq!(query(&typed), text(word(typed.trim())), "{wrong}");
        assert_eq!(hints(&typed), [Hint::DateExpected], "{wrong}");
    }
    assert_eq!(
        query("after:\"next week\""),
        text(phrase("after:next week"))
    );
    assert_eq!(hints("a before:"), [Hint::DateExpected]);
    assert_eq!(
        hints("on:x larger:x is:x has:x after:x "),
        [Hint::DateExpected, Hint::SizeExpected, Hint::WordUnknown]
    );
    assert!(hints("before:2024 is:unread larger:5M from: is: in:x").is_empty());
}

#[test]
fn sizes_are_decimal_and_written_exactly() {
    let larger = |text: &str| match query(&format!("larger:{text}")) {
        Query::Is(Criterion::Larger(octets)) => octets,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(larger("200"), 200);
    assert_eq!(larger("300k"), 300_000);
    assert_eq!(larger("300KB"), 300_000);
    assert_eq!(larger("5M"), 5_000_000);
    assert_eq!(larger("\"1.5 MB\""), 1_500_000);
    assert_eq!(larger("1,5mb"), 1_500_000);
    assert_eq!(larger("2g"), 2_000_000_000);
    assert_eq!(larger("1.23456789k"), 1_234);
    reads("smaller:1.5M", "smaller:1500k");
    reads("larger:0", "larger:0");
    for wrong in [
        "big",
        "M",
        "-5",
        "5T",
        "1.x",
        "99999999999999999999",
        "99999999999999G",
    ] {
        assert_eq!(
            hints(&format!("larger:{wrong}")),
            [Hint::SizeExpected],
            "{wrong}"
        );
    }
}

#[test]
fn brackets_too_deep_and_criteria_too_many_are_left_out() {
    let deep = format!("{}a{} b ", "(".repeat(5_000), ")".repeat(5_000));
    reads(&deep, "a b ");
    let negated = format!("{}a", "-(".repeat(5_000));
    assert!(query(&negated).to_string().len() < 200);
    let many = query(&"ab ".repeat(5_000));
    assert_eq!(many.words().len(), 200);
    assert_eq!(query(&many.to_string()), many);
}

#[test]
fn everything_and_nothing_can_be_written() {
    assert_eq!(Query::everything().to_string(), "");
    assert_eq!(Query::nothing().to_string(), "-()");
    assert_eq!(query("-()"), Query::nothing());
    assert_eq!(query("a -()"), Query::nothing());
    assert_eq!(query("a OR ()"), Query::everything());
}

#[test]
fn the_normal_form_of_a_tree_can_be_typed() {
    let tree = Query::All(vec![
        text(unfinished("a b")),
        text(word("-c")),
        text(word("from:d")),
        text(unfinished("OR")),
        text(word("...")),
        Query::Is(Criterion::From(unfinished("e"))),
        Query::Is(Criterion::In("  ".into())),
        Query::Is(Criterion::In("say \"hi\"".into())),
        not(not(Query::All(vec![text(unfinished("f"))]))),
    ]);
    assert_eq!(
        tree.to_string(),
        "\"a b\" \"-c\" \"from:d\" \"OR\" from:e in:\"say \"\"hi\"\"\" f"
    );
}

#[test]
fn an_account_is_meant_by_a_part_of_its_name_or_address() {
    let asked = query("plan (account:WORK OR account:home is:unread) ");
    let of = |name: &str, email: &str| asked.for_account(name, email).to_string();
    assert_eq!(of("Work", "ana@northwind.example"), "plan ");
    assert_eq!(of("Home", "ana@mail.example"), "plan is:unread");
    assert_eq!(of("Choir", "ana@choir.example"), "-()");
    assert_eq!(of("", "ana@artwork.example"), "plan ");
    let but = query("plan -account:work ");
    assert_eq!(but.for_account("Work", ""), Query::nothing());
    assert_eq!(but.for_account("Home", "").to_string(), "plan ");
}

#[test]
fn what_must_not_be_there_is_not_marked() {
    let asked = query("plan -draft subject:\"new year\" from:ana -(x -y) OR z");
    let words: Vec<&str> = asked
        .words()
        .iter()
        .map(|words| words.text.as_str())
        .collect();
    assert_eq!(words, ["plan", "new year", "y", "z"]);
}

#[test]
fn a_day_begins_where_the_person_is() {
    let zone = |name: &str| TimeZone::get(name).unwrap();
    let begins = |day: Date, zone: &TimeZone| {
        let seconds = day_begins(day, zone).seconds();
        jiff::Timestamp::from_second(seconds).unwrap().to_string()
    };
    let day = date(2024, 5, 1);
    assert_eq!(begins(day, &TimeZone::UTC), "2024-05-01T00:00:00Z");
    assert_eq!(begins(day, &zone("Europe/Berlin")), "2024-04-30T22:00:00Z");
    assert_eq!(
        begins(day, &zone("America/New_York")),
        "2024-05-01T04:00:00Z"
    );
    // There was no midnight in São Paulo when summer time began.
    let skipped = date(2018, 11, 4);
    assert_eq!(
        begins(skipped, &zone("America/Sao_Paulo")),
        "2018-11-04T03:00:00Z"
    );
    assert!(day_begins(Date::MIN, &zone("Asia/Tokyo")) < UnixTime::from_seconds(0));
    assert!(day_begins(Date::MAX, &zone("America/New_York")) > UnixTime::from_seconds(0));
}

fn any_words() -> impl Strategy<Value = Words> {
    let text = prop_oneof![
        "[a-zäß電🎉0-9]{1,6}",
        "[ -~]{0,8}",
        "\\PC{0,8}",
        Just("OR".to_owned()),
        Just("from:x".to_owned()),
        Just("before:x".to_owned()),
        Just("a \" b".to_owned()),
    ];
    (text, any::<bool>(), any::<bool>()).prop_map(|(text, quoted, unfinished)| Words {
        text,
        quoted,
        unfinished,
    })
}

fn any_criterion() -> impl Strategy<Value = Criterion> {
    let day = (-20_i16..=9999, 1_i8..=12, 1_i8..=28).prop_map(|(y, m, d)| date(y, m, d));
    let octets = prop_oneof![any::<u64>(), (0_u64..2_000).prop_map(|n| n * 1_000_000)];
    let name = prop_oneof!["[a-z]{1,6}", "[ -~]{0,8}", "\\PC{0,8}"];
    prop_oneof![
        4 => any_words().prop_map(Criterion::Text),
        1 => any_words().prop_map(Criterion::From),
        1 => any_words().prop_map(Criterion::To),
        1 => any_words().prop_map(Criterion::Cc),
        1 => any_words().prop_map(Criterion::Subject),
        1 => any_words().prop_map(Criterion::Filename),
        1 => prop::sample::select(vec![
            Criterion::HasFile,
            Criterion::Unread,
            Criterion::Read,
            Criterion::Starred,
            Criterion::Answered,
            Criterion::Draft,
        ]),
        1 => name.clone().prop_map(Criterion::In),
        1 => name.prop_map(Criterion::Account),
        1 => day.clone().prop_map(Criterion::Before),
        1 => day.prop_map(Criterion::After),
        1 => octets.clone().prop_map(Criterion::Larger),
        1 => octets.prop_map(Criterion::Smaller),
    ]
}

fn any_query() -> impl Strategy<Value = Query> {
    any_criterion()
        .prop_map(Query::Is)
        .prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Query::All),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Query::Any),
                inner.prop_map(not),
            ]
        })
}

/// Text out of what means something to the reader.
fn any_typed() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            " ", "  ", "(", ")", "-", "\"", "“", "”", "OR", " OR ", ":", "from:", "to:", "cc:",
            "is:", "unread", "has:", "file", "in:", "on:", "before:", "2024-05", "larger:", "5M",
            "account:", "a", "ab", "é", "電", "🎉", "x:y", "\u{200d}", "\n", "&", "FROM:", "1.5",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_normalised_query_is_read_from_its_text(query in any_query()) {
        let normal = query.normalised();
        prop_assert_eq!(&normal.clone().normalised(), &normal);
        let text = normal.to_string();
        prop_assert_eq!(&parse(&text).query, &normal, "{}", text);
    }

    #[test]
    fn whatever_is_typed_is_read_and_its_canonical_text_says_the_same(typed in any_typed()) {
        let read = parse(&typed).query;
        let text = read.to_string();
        prop_assert_eq!(&parse(&text).query, &read, "{}", text);
        prop_assert_eq!(read.normalised().to_string(), text);
    }

    #[test]
    fn any_string_can_be_typed(typed in any::<String>()) {
        let read = parse(&typed).query;
        prop_assert_eq!(&parse(&read.to_string()).query, &read);
    }
}
