//! The report of a check as text, for keeping.

use crate::contract::{CheckLineView, CheckPlace, CheckReportView};
use crate::read::rfc3339;

/// The day of a time, in UTC.
pub(super) fn day(seconds: i64) -> String {
    rfc3339(seconds).chars().take(10).collect()
}

const fn kind(place: CheckPlace) -> &'static str {
    match place {
        CheckPlace::Rows => "rows",
        CheckPlace::Files => "files",
        CheckPlace::Keys => "names of keys",
        CheckPlace::Log => "lines of the log",
        CheckPlace::Requests => "requests",
    }
}

/// One line for each place; `names` are the accounts' ids and names.
pub(super) fn in_words(report: &CheckReportView, names: &[(String, String)]) -> String {
    let name = |id: &str| {
        let known = names.iter().find(|(known, _)| known == id);
        known.map_or_else(|| id.to_owned(), |(id, name)| format!("{name} ({id})"))
    };
    let mut text = format!(
        "Braid {}: check of separation\n{}\nResult: {}\n",
        env!("CARGO_PKG_VERSION"),
        rfc3339(report.at),
        if report.passed { "passed" } else { "FAILED" },
    );
    for account in &report.not_in_full {
        text.push_str(&format!(
            "Not checked in full, because it is closed or may send nothing: {}\n",
            name(account)
        ));
    }
    for line in &report.lines {
        text.push('\n');
        text.push_str(&line_in_words(line, &name));
    }
    text.push('\n');
    text
}

fn line_in_words(line: &CheckLineView, name: &impl Fn(&str) -> String) -> String {
    let of = line.place_of.as_ref().map_or_else(
        || "of the app".to_owned(),
        |account| format!("of {}", name(account)),
    );
    let verdict = match (line.expected, line.found > 0 || !line.leaks.is_empty()) {
        (true, true) => "found, where it belongs",
        (true, false) => "NOT FOUND, although it belongs there: the check itself does not work",
        (false, false) => "not found",
        (false, true) => "FOUND, although it does not belong there",
    };
    let mut text = format!(
        "Marker of {}, in {} {of}: {verdict} ({} looked at, {} with it)",
        name(&line.marker_of),
        kind(line.place),
        line.looked_at,
        line.found,
    );
    for leak in &line.leaks {
        text.push_str("\n  ");
        text.push_str(leak);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_and_a_check_that_does_not_work_are_said_in_so_many_words() {
        let line = |expected, found, leaks: &[&str]| CheckLineView {
            marker_of: "a".into(),
            place: CheckPlace::Rows,
            place_of: Some("b".into()),
            looked_at: 9,
            found,
            expected,
            leaks: leaks.iter().map(|leak| (*leak).to_owned()).collect(),
        };
        let report = CheckReportView {
            at: 1_700_000_000,
            passed: false,
            lines: vec![
                line(false, 2, &["local.sqlite: setting"]),
                line(true, 0, &[]),
            ],
            not_in_full: vec!["b".into()],
        };
        let names = [("a".to_owned(), "Work".to_owned())];
        let text = in_words(&report, &names);
        for words in [
            "2023-11-14T22:13:20Z",
            "Result: FAILED",
            "may send nothing: b",
            "Marker of Work (a), in rows of b: FOUND, although",
            "\n  local.sqlite: setting",
            "NOT FOUND, although",
        ] {
            assert!(text.contains(words), "{words} in {text}");
        }
        assert_eq!(day(1_700_000_000), "2023-11-14");
    }
}
