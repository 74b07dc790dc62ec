//! Markup that makes parsers slow. What is checked is the amount of work and of output, which no
//! busy machine changes; times are only printed.

use std::time::Instant;

use mail_mime::clean::{MAX_OCTETS, clean};
use mail_mime::preview::preview;
use mail_mime::text::{Flow, to_html};
use mail_mime::{CleanOptions, parse};

use crate::tree::faults;

const TIMES: usize = 40_000;

fn shapes() -> Vec<(&'static str, String)> {
    let numbered = |f: &dyn Fn(usize) -> String| (0..TIMES).map(f).collect::<String>();
    vec![
        ("nested div", "<div>".repeat(TIMES)),
        ("nested table", "<table><tr><td>".repeat(TIMES)),
        ("bare tables", "<table>".repeat(TIMES)),
        ("nested list", "<ul><li>".repeat(TIMES)),
        ("nested quote", "<blockquote>x".repeat(TIMES)),
        (
            "fonts with values of their own",
            numbered(&|n| format!("<font size={}>", n % 977)),
        ),
        (
            "paragraphs with open fonts",
            numbered(&|n| format!("<p><font size={}>x", n % 977)),
        ),
        (
            "closed paragraphs with open formatting",
            "<p><b><i><u>x</p>".repeat(TIMES / 4),
        ),
        ("italic and stray end", "<i></p>".repeat(TIMES)),
        ("crossed formatting", "<b><p></b></p>".repeat(TIMES / 2)),
        ("crossed blocks", "<i><div></i>".repeat(TIMES)),
        (
            "links in links",
            "<a href=https://a.example/>x<div>".repeat(TIMES / 4),
        ),
        ("text between rows", "<table><b>x".repeat(TIMES)),
        (
            "blocks between rows",
            "<table><tr>".to_owned() + &"<div>x</div>".repeat(TIMES),
        ),
        ("stray ends", "</b></div></p></table></x>".repeat(TIMES / 4)),
        (
            "one tag with many attributes",
            format!("<p {}>x", numbered(&|n| format!("a{n}=v "))),
        ),
        (
            "many tags with many attributes",
            format!(
                "<p {}>",
                (0..60).map(|n| format!("a{n}=v ")).collect::<String>()
            )
            .repeat(2_000),
        ),
        ("a tag that never ends", "<p a".repeat(TIMES)),
        ("quotes that never end", "<p a=\"".repeat(TIMES)),
        ("lone signs", "<".repeat(TIMES)),
        ("comments that never end", "<!--".repeat(TIMES)),
        ("entities", "&lt&amp&#x41;&notit;&".repeat(TIMES)),
        ("foreign", "<svg><math><mi>".repeat(TIMES)),
        (
            "raw text",
            "<style><title><textarea><xmp>".repeat(TIMES / 4),
        ),
        ("templates", "<template>".repeat(TIMES)),
        (
            "declarations",
            format!("<p style=\"{}\">x", "a:b;".repeat(15_000)),
        ),
        (
            "functions in functions",
            format!("<p style=\"width:{}\">x", "calc(".repeat(12_000)),
        ),
        (
            "brackets in a value",
            format!("<p style=\"width:{}\">x", "([{".repeat(20_000)),
        ),
        (
            "wide cells",
            "<table><tr><td colspan=65000 rowspan=65000>".repeat(1_000),
        ),
        ("pictures", "<img src=cid:a>".repeat(TIMES)),
        ("formatting that leaves gaps", {
            let mut html = "<i>".to_owned();
            html.push_str(&"<b></i><i></b>".repeat(TIMES / 2));
            html.push_str(&"</u>".repeat(TIMES));
            html
        }),
        ("select", "<select><option>x".repeat(TIMES)),
        ("headings", "<h1><h2>".repeat(TIMES / 2)),
        ("description lists", "<dl><dt><dd>".repeat(TIMES / 2)),
        ("columns", "<table><colgroup><col>".repeat(TIMES / 2)),
    ]
}

#[test]
fn bombs_of_many_shapes_are_defused_within_limits() {
    let shapes = shapes();
    assert!(shapes.len() >= 20);
    for (name, html) in shapes {
        let started = Instant::now();
        let result = clean(&html, &CleanOptions::default());
        let took = started.elapsed();
        println!(
            "{name}: {} KiB in, {} KiB out, {} ms",
            html.len() / 1024,
            result.html.len() / 1024,
            took.as_millis()
        );
        assert!(
            result.html.len() <= 12 * html.len() + 64 * 1024,
            "{name}: {} from {}",
            result.html.len(),
            html.len()
        );
        assert!(depth(&result.html) <= 600, "{name}: depth");
        let elements = result.html.matches('<').count();
        assert!(elements <= 250_000, "{name}: {elements} tags");
        if result.html.len() < 1 << 20 {
            let faults = faults(&result.html);
            assert!(faults.is_empty(), "{name}: {:?}", faults.first());
        }
    }
}

/// The deepest nesting by tags, void elements left out.
fn depth(html: &str) -> i64 {
    let (mut depth, mut deepest) = (0_i64, 0);
    for tag in html.split('<').skip(1) {
        if tag.starts_with('/') {
            depth -= 1;
        } else if !["br", "img", "hr", "wbr", "col>", "col "]
            .iter()
            .any(|void| tag.starts_with(void))
        {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

#[test]
fn html_of_more_than_two_mebibytes_is_shown_as_text() {
    let html = format!("<p>first</p>{}", "<b>x</b>".repeat(MAX_OCTETS / 8));
    let result = clean(&html, &CleanOptions::default());
    assert!(result.limited);
    assert!(result.html.contains("first"));
    assert!(!result.html.contains("<b>"));
}

#[test]
fn long_text_is_linked_in_one_pass() {
    for (name, unit) in [
        ("at signs", "a@"),
        ("addresses", "a@b.example "),
        ("glued addresses", "a@b.example"),
        ("schemes", "http://"),
        ("broken schemes", "a://"),
        ("colons", ":"),
        ("brackets", "http://a.example/(("),
        ("dots", "."),
        ("quotes", ">"),
        ("quoted lines", ">>>\n"),
        ("angle", "<http://a.example/>"),
        ("one long word", "x"),
        ("local part", "a.a+a-"),
    ] {
        let text = unit.repeat((1 << 20) / unit.len());
        let started = Instant::now();
        let result = to_html(&text, Flow::Fixed, false);
        let flowed = to_html(&text, Flow::Flowed { delete_space: true }, false);
        println!("{name}: {} ms for both", started.elapsed().as_millis());
        assert!(result.links.len() <= 10_000 && flowed.links.len() <= 10_000);
        assert!(result.html.len() <= 14 * text.len() + (2 << 20), "{name}");
    }
}

#[test]
fn previews_look_at_the_beginning_only() {
    let html = "<div>".repeat(50_000) + "late";
    assert_eq!(preview(None, Some(&html)), "late");
    let html = "<div>".repeat(1_000_000) + "too late";
    assert_eq!(preview(None, Some(&html)), "");
    let text = "> quoted\n".repeat(1_000_000);
    assert!(!preview(Some(&text), None).is_empty());
}

#[test]
fn messages_of_many_shapes_are_parsed_within_limits() {
    let head = "From: ana@choir.example\r\nSubject: x\r\n";
    let nested: String = (0..100_000)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
        .collect();
    let shapes: Vec<(&str, String)> = vec![
        ("nested multiparts", format!("{head}{nested}text")),
        (
            "a million parts",
            format!(
                "{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
                "--b\r\n\r\n".repeat(1_000_000)
            ),
        ),
        (
            "multiparts without their boundary",
            format!(
                "{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
                "--b\r\nContent-Type: multipart/mixed; boundary=never\r\n\r\nx\r\n".repeat(20_000)
            ),
        ),
        (
            "a million fields",
            format!("{head}{}\r\nx", "A: b\r\n".repeat(1_000_000)),
        ),
        (
            "a hundred thousand addresses",
            format!("{head}To: {}\r\n\r\nx", "a@b.example, ".repeat(100_000)),
        ),
        (
            "encoded words",
            format!(
                "{head}X: y\r\nSubject: {}\r\n\r\nx",
                "=?utf-8?q?a?= ".repeat(60_000)
            ),
        ),
        (
            "unfinished encoded words",
            format!("Subject: {}\r\n\r\nx", "=?utf-8?q?a".repeat(90_000)),
        ),
        (
            "unfinished base64 words",
            format!("Subject: {}\r\n\r\nx", "=?utf-8?b?YQ".repeat(80_000)),
        ),
        (
            "unfinished charsets",
            format!("Subject: {}\r\n\r\nx", "=?".repeat(500_000)),
        ),
        (
            "comments in an address",
            format!("To: {}\r\n\r\nx", "(".repeat(1_000_000)),
        ),
        (
            "quotes in an address",
            format!("To: {}\r\n\r\nx", "\"a".repeat(500_000)),
        ),
        (
            "groups",
            format!("To: {}\r\n\r\nx", "g:a@b.example;".repeat(70_000)),
        ),
        (
            "parameters",
            format!(
                "Content-Type: text/plain;{}\r\n\r\nx",
                " a*0=b;".repeat(140_000)
            ),
        ),
        (
            "parameter pieces",
            format!(
                "Content-Type: text/plain;{}\r\n\r\nx",
                (0..60_000)
                    .map(|n| format!(" name*{n}=b;"))
                    .collect::<String>()
            ),
        ),
        (
            "folded lines",
            format!("Subject: a{}\r\n\r\nx", "\r\n b".repeat(250_000)),
        ),
        (
            "references",
            format!("References: {}\r\n\r\nx", "<a@b> ".repeat(170_000)),
        ),
        (
            "one endless line",
            format!("{head}\r\n{}", "x".repeat(8 << 20)),
        ),
        (
            "dashes",
            format!(
                "{head}Content-Type: multipart/mixed; boundary=\"{}\"\r\n\r\n{}",
                "-".repeat(70),
                "-".repeat(4 << 20)
            ),
        ),
        (
            "dashed lines",
            format!(
                "{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
                "--\r\n".repeat(1 << 20)
            ),
        ),
    ];
    for (name, message) in shapes {
        let started = Instant::now();
        let parsed = parse::parse(message.as_bytes()).expect(name);
        println!(
            "{name}: {} KiB, {} parts, {:?}, {} ms",
            message.len() / 1024,
            parsed.parts.len(),
            parsed.notices,
            started.elapsed().as_millis()
        );
        assert!(parsed.parts.len() <= parse::MAX_PARTS, "{name}");
        let kept: usize = parsed.parts.iter().map(|part| part.bytes.len()).sum();
        assert!(kept <= message.len(), "{name}");
    }
}
