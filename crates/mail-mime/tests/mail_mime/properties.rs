//! Nothing a sender can write makes these functions panic or lets markup through.

use mail_mime::clean::clean;
use mail_mime::file_name::{MAX_OCTETS, extension, numbered, safe};
use mail_mime::launch::{display_name, verdict};
use mail_mime::preview::{MAX_CHARS, preview};
use mail_mime::text::{Flow, to_html};
use mail_mime::{CleanOptions, frame, parse, picture};
use proptest::prelude::*;

use crate::file_names::assert_safe;
use crate::stability::assert_stable;
use crate::tree::faults;

/// Pieces of markup in any order, which is where parsers disagree.
fn markup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "<p>", "</p>", "<b>", "</b>", "<i>", "</i>", "<a href=https://a.example>", "</a>",
            "<font color=red>", "</font>", "<div>", "</div>", "<span style='color:red'>",
            "</span>", "<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<th>",
            "<tbody>", "</tbody>", "<caption>", "</caption>", "<colgroup>", "<col>", "<ul>",
            "</ul>", "<ol>", "<li>", "</li>", "<dl>", "<dt>", "<dd>", "<pre>", "</pre>", "\n",
            "<blockquote>", "</blockquote>", "<h1>", "</h2>", "<br>", "</br>", "<hr>",
            "<img src=cid:a>", "<img src=https://a.example/x width=9 height=9 alt=y>", "<center>",
            "</center>", "<q>", "</q>", "x", " ", "&amp;", "&lt;", "&nbsp;", "<small>",
            "</small>", "<address>", "</address>",
        ]).prop_map(str::to_owned),
        2 => prop::sample::select(vec![
            "<svg>", "</svg>", "<math>", "<mtext>", "<mglyph>", "<style>", "</style>", "<script>",
            "</script>", "<title>", "</title>", "<textarea>", "</textarea>", "<template>",
            "</template>", "<select>", "<option>", "</select>", "<form>", "</form>", "<button>",
            "<!--", "-->", "<![CDATA[", "]]>", "<noscript>", "</noscript>", "<xmp>", "</xmp>",
            "<plaintext>", "<iframe>", "</iframe>", "<foreignObject>", "<annotation-xml>",
            "<body bgcolor=red>", "<html>", "<head>", "<frameset>", "<nobr>", "<marquee>",
            "<object>", "</object>", "<p title=\"", "\">", "'", "=", "<", ">", "<img onerror=1 ",
            "\0", "</", "<!", "<?", "<a href=\"javascript:1\">", "<desc>", "<image>",
        ]).prop_map(str::to_owned),
        1 => "[ -~]{0,8}",
        1 => any::<String>().prop_map(|text| text.chars().take(6).collect()),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn css() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            "color", "background", "background-image", "width", "position", "font-family", ":",
            ";", "red", "#fff", "1px", "-1px", "50%", "url(", "url(x)", "\\75 rl(x)", "var(--a)",
            "rgb(", "calc(", ")", "(", "[", "{", "}", "'", "\"", "/*", "*/", "!important", ",",
            "/", "@import", "<!--", "-->", "expression(", "image-set(", "linear-gradient(", " ",
            "\\", "\0", "\n", "--a", "1e9", "9vh", "fixed",
        ]).prop_map(str::to_owned),
        1 => "[ -~]{0,6}",
        1 => any::<String>().prop_map(|text| text.chars().take(4).collect()),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            "From: ana@choir.example\r\n", "Subject: =?utf-8?q?", "?=", "=?", "To: g:", ";", "<",
            ">", "\r\n", "\n", "\r\n\r\n", "--b\r\n", "--b--\r\n", "--c\r\n", "--",
            "Content-Type: multipart/mixed; boundary=b\r\n",
            "Content-Type: multipart/alternative; boundary=c\r\n",
            "Content-Type: multipart/digest; boundary=\"b\"\r\n",
            "Content-Type: text/html; charset=utf-7\r\n", "Content-Type: message/rfc822\r\n",
            "Content-Type: text/plain; charset=iso-2022-jp; format=flowed\r\n",
            "Content-Transfer-Encoding: base64\r\n",
            "Content-Transfer-Encoding: quoted-printable\r\n",
            "Content-Disposition: attachment; filename*0*=utf-8''%e4; filename*1=x\r\n",
            "Content-ID: <a@b>\r\n", "Date: Tue, 31 Feb 2026 25:61:00 +9999\r\n",
            "References: <a@b> <", "=\r\n", "=C3", "SGVsbG8=", " ", "\t", ":", "(", ")", "\"",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cleaning_never_panics_and_never_lets_anything_through(html in markup()) {
        let result = clean(&html, &CleanOptions::default());
        let found = faults(&result.html);
        prop_assert!(found.is_empty(), "{found:?} in {}", result.html);
    }

    #[test]
    fn cleaning_is_stable(html in markup()) {
        assert_stable(&html);
    }

    #[test]
    fn any_text_can_be_cleaned(html in any::<String>()) {
        let result = clean(&html, &CleanOptions::default());
        prop_assert!(faults(&result.html).is_empty());
    }

    #[test]
    fn any_style_can_be_cleaned(css in css()) {
        let html = format!("<p style=\"{}\">x", css.replace('"', "&quot;"));
        let result = clean(&html, &CleanOptions::default());
        let found = faults(&result.html);
        prop_assert!(found.is_empty(), "{found:?} in {}", result.html);
        let again = clean(&result.html, &CleanOptions::default());
        prop_assert_eq!(result.html, again.html);
    }

    #[test]
    fn any_attribute_can_be_cleaned(
        element in prop::sample::select(vec!["a", "p", "img", "td", "font", "ol", "hr", "body"]),
        name in prop::sample::select(vec![
            "href", "src", "style", "width", "color", "face", "lang", "title", "align", "start",
            "bgcolor", "size", "text", "dir", "alt",
        ]),
        value in any::<String>(),
    ) {
        let value = value.replace('&', "&amp;").replace('"', "&quot;");
        let html = format!("<table><tr><td><{element} {name}=\"{value}\">x");
        let result = clean(&html, &CleanOptions::default());
        let found = faults(&result.html);
        prop_assert!(found.is_empty(), "{found:?} in {}", result.html);
    }

    #[test]
    fn any_bytes_can_be_parsed(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        if let Ok(parsed) = parse::parse(&bytes) {
            prop_assert!(!parsed.headers.all.is_empty());
        }
    }

    #[test]
    fn any_message_can_be_parsed_and_loses_nothing(bytes in message()) {
        if let Ok(parsed) = parse::parse(&bytes) {
            for part in &parsed.parts {
                prop_assert!(part.range.start <= part.range.end && part.range.end <= bytes.len());
                let shown = parsed.body.html.is_some() || parsed.body.text.is_some();
                prop_assert!(part.is_attachment || shown);
            }
            let shown = preview(parsed.body.text.as_deref(), parsed.body.html.as_deref());
            prop_assert!(shown.chars().count() <= MAX_CHARS);
        }
    }

    #[test]
    fn any_text_can_be_shown(text in any::<String>(), flowed in any::<bool>(), space in any::<bool>()) {
        let flow = if flowed { Flow::Flowed { delete_space: space } } else { Flow::Fixed };
        let result = to_html(&text, flow, false);
        let plain = result.html.replacen(" class=\"plain\"", "", 1);
        let found = faults(&plain);
        prop_assert!(found.is_empty(), "{found:?} in {}", result.html);
    }

    #[test]
    fn text_with_links_and_quotes_can_be_shown(
        text in "([>]{0,3} ?(https?://[a-z.\"'<>&()]{0,9}|[a-z]{0,3}@[a-z.\"<]{0,6}|[ -~]{0,6}) ?\n?){0,9}"
    ) {
        let result = to_html(&text, Flow::Flowed { delete_space: false }, false);
        let plain = result.html.replacen(" class=\"plain\"", "", 1);
        let found = faults(&plain);
        prop_assert!(found.is_empty(), "{found:?} in {}", result.html);
    }

    #[test]
    fn any_name_becomes_a_safe_one(name in any::<String>(), media_type in "[a-z/+.-]{0,20}") {
        let made = safe(&name, &media_type);
        assert_safe(&made);
        prop_assert_eq!(&safe(&made, ""), &made);
        let next = numbered(&made, 7);
        prop_assert!(next.len() <= MAX_OCTETS);
        prop_assert_eq!(extension(&next), extension(&made));
        let _ = (display_name(&name), verdict(&name, &media_type, name.as_bytes()));
    }

    #[test]
    fn any_name_of_odd_characters_becomes_a_safe_one(
        name in "[a-z./\\\\: \\u{202e}\\u{200b}\\u{0}-\\u{1f}~-]{0,300}"
    ) {
        assert_safe(&safe(&name, "application/pdf"));
    }

    #[test]
    fn any_bytes_can_be_inspected(bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0usize..7) {
        let starts: [&[u8]; 7] = [
            b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"RIFF....WEBPVP8 ", b"BM", b"....ftypavif",
        ];
        let mut all = starts[start].to_vec();
        all.extend(bytes);
        if let Ok(picture) = picture::inspect(&all) {
            prop_assert!(u64::from(picture.width) * u64::from(picture.height) <= picture::MAX_PIXELS);
        }
    }

    #[test]
    fn a_shim_holds_any_origin(origin in any::<String>(), address in any::<String>()) {
        let place = frame::Place { source: "mail:", ancestors: &["tauri:"], page_origin: &origin };
        let html = frame::shim(&place, &address).html;
        prop_assert_eq!(html.matches("<script").count(), 1);
        prop_assert_eq!(html.matches("<iframe").count(), 1);
    }
}
