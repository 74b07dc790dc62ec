//! Whole messages: headers, body, files, notices.

use mail_mime::parse::{MAX_HEADER_OCTETS, MAX_NESTING, MAX_PARTS, Notice, ParseError, parse};
use mail_mime::text::Flow;
use mail_model::{Address, Disposition};

fn lines(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn address(name: &str, email: &str) -> Address {
    Address {
        name: name.to_owned(),
        email: email.to_owned(),
    }
}

const ALTERNATIVE: &str = "From: Ana Moreau <ana@northwind.example>
Subject: Minutes
Content-Type: multipart/mixed; boundary=outer

This is a preamble.
--outer
Content-Type: multipart/alternative; boundary=\"in ner\"

--in ner
Content-Type: text/plain; charset=utf-8

plain
--in ner
Content-Type: multipart/related; boundary=rel

--rel
Content-Type: text/html; charset=utf-8

<p>html <img src=\"cid:pic@x\">
--rel
Content-Type: image/png; name=logo.png
Content-ID: <pic@x>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--rel--
--in ner--
--outer
Content-Type: application/pdf
Content-Disposition: attachment; filename=\"minutes.pdf\"
Content-Transfer-Encoding: base64

JVBERi0=
--outer--
epilogue
";

#[test]
fn both_forms_of_the_body_and_the_files_are_found() {
    let parsed = parse(&lines(ALTERNATIVE)).unwrap();
    assert_eq!(parsed.body.text.as_deref(), Some("plain"));
    assert_eq!(
        parsed.body.html.as_deref(),
        Some("<p>html <img src=\"cid:pic@x\">")
    );
    let files: Vec<_> = parsed
        .attachments()
        .map(|part| {
            (
                part.name.as_str(),
                part.media_type.as_str(),
                part.content_id.as_deref(),
                part.disposition,
                part.bytes.as_slice(),
            )
        })
        .collect();
    assert_eq!(
        files,
        [
            (
                "logo.png",
                "image/png",
                Some("pic@x"),
                Disposition::Inline,
                &b"\x89PNG\r\n\x1a\n"[..]
            ),
            (
                "minutes.pdf",
                "application/pdf",
                None,
                Disposition::Attachment,
                &b"%PDF-"[..]
            ),
        ]
    );
    assert!(parsed.notices.is_empty());
    assert_eq!(parsed.parts.len(), 4);
    assert!(
        parsed
            .parts
            .iter()
            .enumerate()
            .all(|(at, part)| part.id == at)
    );
}

#[test]
fn line_ends_without_carriage_returns_read_the_same() {
    let crlf = parse(&lines(ALTERNATIVE)).unwrap();
    let lf = parse(ALTERNATIVE.as_bytes()).unwrap();
    assert_eq!(crlf.body, lf.body);
    assert_eq!(crlf.headers, lf.headers);
}

#[test]
fn headers_are_decoded() {
    let parsed = parse(&lines(
        "From: =?utf-8?q?Ana_Mor=C3=A9au?= <ana@northwind.example>
To: \"Moreau, Ana\" <ana.m@mail.example>, plain@choir.example
Cc: Choir: Ana <ana@choir.example>, bo@choir.example;, Empty:;
Reply-To: (comment) ana@choir.example
Sender: s@choir.example
Subject: =?utf-8?b?R3LDvMOfZQ==?= =?iso-8859-1?q?_aus?= =?utf-8?q?_Paris?=
 and more
Message-ID: <m1@northwind.example>
In-Reply-To: <a@x> <b@x>
References: <r1@x>
 <r2@x>
Date: Tue, 24 Nov 2026 20:00:00 +0100
List-Id: Choir <choir.lists.example>
List-Unsubscribe: <https://lists.example/u?x=1>,
 <mailto:leave@lists.example>
List-Unsubscribe-Post: List-Unsubscribe=One-Click

x",
    ))
    .unwrap();
    let headers = parsed.headers;
    assert_eq!(
        headers.from,
        [address("Ana Moréau", "ana@northwind.example")]
    );
    assert_eq!(
        headers.to,
        [
            address("Moreau, Ana", "ana.m@mail.example"),
            address("", "plain@choir.example")
        ]
    );
    assert_eq!(
        headers.cc,
        [
            address("Ana", "ana@choir.example"),
            address("", "bo@choir.example"),
            address("Empty", "")
        ]
    );
    assert_eq!(headers.reply_to[0].email, "ana@choir.example");
    assert_eq!(headers.sender, [address("", "s@choir.example")]);
    assert_eq!(headers.subject, "Grüße aus Paris and more");
    assert_eq!(headers.message_ids, ["m1@northwind.example"]);
    assert_eq!(headers.in_reply_to, ["a@x", "b@x"]);
    assert_eq!(headers.references, ["r1@x", "r2@x"]);
    assert_eq!(headers.date.map(|date| date.seconds()), Some(1_795_546_800));
    assert_eq!(
        headers.list_id.as_deref(),
        Some("Choir <choir.lists.example>")
    );
    assert_eq!(
        headers.list_unsubscribe.as_deref(),
        Some("<https://lists.example/u?x=1>, <mailto:leave@lists.example>")
    );
    assert_eq!(
        headers.list_unsubscribe_post.as_deref(),
        Some("List-Unsubscribe=One-Click")
    );
    assert_eq!(headers.all[0].0, "From");
}

#[test]
fn several_from_fields_are_all_told() {
    let parsed = parse(b"From: a@x.example\r\nFrom: b@x.example\r\n\r\nx").unwrap();
    assert_eq!(parsed.headers.from.len(), 2);
}

#[test]
fn decoded_headers_have_no_line_breaks() {
    let parsed = parse(
        b"From: =?utf-8?q?Ana=0D=0ABcc:_x?= <a@x.example>\r\nSubject: =?utf-8?q?a=0Ab=00c?=\r\n\r\nx",
    )
    .unwrap();
    assert_eq!(parsed.headers.subject, "a b c");
    assert!(!parsed.headers.from[0].name.contains(['\r', '\n']));
    assert!(parsed.headers.bcc.is_empty());
}

#[test]
fn file_names_in_every_spelling_are_read() {
    for (fields, name) in [
        ("Content-Disposition: attachment; filename=a.pdf", "a.pdf"),
        (
            "Content-Disposition: attachment; filename=\"a b.pdf\"",
            "a b.pdf",
        ),
        (
            "Content-Disposition: attachment; filename*=utf-8''%E2%82%AC%20x.pdf",
            "€ x.pdf",
        ),
        (
            "Content-Disposition: attachment; filename*=iso-8859-1'en'%E4.pdf",
            "ä.pdf",
        ),
        (
            "Content-Disposition: attachment; filename*0=\"long \"; filename*1=\"name.pdf\"",
            "long name.pdf",
        ),
        (
            "Content-Disposition: attachment; filename*0*=utf-8''%C3%A4; filename*1=b.pdf",
            "äb.pdf",
        ),
        (
            "Content-Disposition: attachment; filename=\"=?utf-8?q?=C3=A4.pdf?=\"",
            "ä.pdf",
        ),
        ("Content-Type: application/pdf; name=b.pdf", "b.pdf"),
        ("Content-Disposition: attachment", ""),
    ] {
        let message = format!(
            "From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n{fields}\r\n\r\ny\r\n--b--\r\n"
        );
        let parsed = parse(message.as_bytes()).unwrap();
        let part = parsed.parts.last().unwrap();
        assert_eq!(part.name, name, "{fields}");
    }
}

#[test]
fn a_message_inside_a_message_is_a_file() {
    let message = "From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: ana@choir.example\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ninner text\r\n--c--\r\n--b--\r\n";
    let parsed = parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.body.text.as_deref(), Some("see"));
    let inner = parsed.attachments().next().unwrap();
    assert_eq!(inner.media_type, "message/rfc822");
    let inner = parse(&inner.bytes).unwrap();
    assert_eq!(inner.headers.subject, "inner");
    assert_eq!(inner.body.text.as_deref(), Some("inner text"));
}

#[test]
fn parts_of_a_digest_are_messages() {
    let message = "From: a@x.example\r\nContent-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nFrom: b@x.example\r\nSubject: one\r\n\r\nx\r\n--b--\r\n";
    let parsed = parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.parts[0].media_type, "message/rfc822");
    assert!(parsed.parts[0].is_attachment);
}

#[test]
fn html_parts_are_never_joined_and_none_is_lost() {
    let message = "From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p title=\"open\r\n--b\r\nContent-Type: text/html\r\n\r\nsecret\r\n--b\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--b--\r\n";
    let parsed = parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.body.html.as_deref(), Some("<p title=\"open"));
    assert_eq!(parsed.body.text, None);
    let files: Vec<&[u8]> = parsed
        .attachments()
        .map(|part| part.bytes.as_slice())
        .collect();
    assert_eq!(files, [&b"secret"[..], b"footer"]);
}

#[test]
fn plain_texts_of_one_mail_are_joined() {
    let message = "From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b\r\n\r\ntwo\r\n--b--\r\n";
    let parsed = parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.body.text.as_deref(), Some("one\n\ntwo"));
    assert_eq!(parsed.attachments().count(), 1);
}

#[test]
fn a_text_that_wants_to_be_a_file_is_one() {
    let message = "From: a@x.example\r\nContent-Type: text/plain; name=notes.txt\r\nContent-Disposition: attachment\r\n\r\nx";
    let parsed = parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.body.text, None);
    assert_eq!(parsed.attachments().next().unwrap().name, "notes.txt");
}

#[test]
fn flowed_text_is_told() {
    let message =
        "From: a@x.example\r\nContent-Type: text/plain; format=Flowed; DelSp=YES\r\n\r\nx";
    let parsed = parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.body.flow, Flow::Flowed { delete_space: true });
}

#[test]
fn nesting_stops_at_64_and_what_is_deeper_stays_as_one_file() {
    let mut message = "From: a@x.example\r\n".to_owned();
    for n in 0..=MAX_NESTING {
        message.push_str(&format!(
            "Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"
        ));
    }
    message.push_str("\r\ndeep inside");
    let parsed = parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.notices, [Notice::TooDeep]);
    assert_eq!(parsed.parts.len(), 1);
    let part = &parsed.parts[0];
    assert!(part.is_attachment);
    assert!(part.bytes.ends_with(b"deep inside"));
}

#[test]
fn parts_stop_at_ten_thousand_and_the_rest_stays_as_one_file() {
    let mut message =
        "From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned();
    for n in 0..MAX_PARTS + 500 {
        message.push_str(&format!("--b\r\nContent-Type: image/png\r\n\r\n{n}\r\n"));
    }
    let parsed = parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.notices, [Notice::TooManyParts]);
    assert_eq!(parsed.parts.len(), MAX_PARTS);
    let last = parsed.parts.last().unwrap();
    assert!(last.bytes.ends_with(b"10499\r\n"));
    assert_eq!(parsed.parts[MAX_PARTS - 2].bytes, b"9998");
    assert!(last.is_attachment);
}

#[test]
fn a_header_stops_at_one_mebibyte_and_says_so() {
    let mut message = "From: a@x.example\r\nX: ".to_owned();
    message.push_str(&"y".repeat(MAX_HEADER_OCTETS));
    message.push_str("\r\nSubject: late\r\n\r\nbody");
    let parsed = parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.notices, [Notice::HeadersCut]);
    assert_eq!(parsed.headers.from.len(), 1);
    assert_eq!(parsed.headers.subject, "");
    assert_eq!(parsed.body.text.as_deref(), Some("body"));
}

#[test]
fn a_multipart_without_its_boundary_is_shown_as_text() {
    for head in [
        "Content-Type: multipart/mixed; boundary=never",
        "Content-Type: multipart/mixed",
        "Content-Type: multipart/mixed; boundary=\"\"",
    ] {
        let message = format!("From: a@x.example\r\n{head}\r\n\r\nwords");
        let parsed = parse(message.as_bytes()).unwrap();
        assert_eq!(parsed.notices, [Notice::NoBoundary], "{head}");
        assert_eq!(parsed.body.text.as_deref(), Some("words"), "{head}");
    }
}

#[test]
fn a_message_that_is_cut_off_keeps_what_is_there() {
    let whole = lines(ALTERNATIVE);
    for end in 60..whole.len() {
        let parsed = parse(&whole[..end]).unwrap();
        assert_eq!(
            parsed.headers.from[0].email, "ana@northwind.example",
            "{end}"
        );
    }
    let cut = parse(&whole[..whole.len() - 40]).unwrap();
    assert_eq!(cut.body.text.as_deref(), Some("plain"));
    assert_eq!(cut.parts.len(), 4);
}

#[test]
fn a_boundary_that_begins_like_another_is_not_that_one() {
    let message = "From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\none\r\n--bb--\r\n--b\r\n\r\ntwo\r\n--b--\r\n";
    let parsed = parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.body.text.as_deref(), Some("one\n\ntwo"));
}

#[test]
fn an_outer_boundary_ends_inner_parts_that_were_not_closed() {
    let message = "From: a@x.example\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\none\r\n--o\r\nContent-Disposition: attachment\r\n\r\nfile\r\n--o--\r\n";
    let parsed = parse(message.as_bytes()).unwrap();
    assert_eq!(parsed.body.text.as_deref(), Some("one"));
    assert_eq!(parsed.attachments().next().unwrap().bytes, b"file");
}

#[test]
fn ranges_point_into_the_message() {
    let bytes = lines(ALTERNATIVE);
    let parsed = parse(&bytes).unwrap();
    let plain = &parsed.parts[0];
    assert_eq!(&bytes[plain.range.clone()], b"plain");
}

#[test]
fn bytes_without_a_header_are_no_message() {
    for bytes in [&b""[..], b"\r\n\r\n", b"\0\0\0", b"just words\r\n", b"\n"] {
        assert_eq!(parse(bytes), Err(ParseError::NoHeaders), "{bytes:?}");
    }
}

#[test]
fn empty_lines_before_the_header_are_passed_over() {
    let parsed = parse(b"\r\n\r\nFrom: a@x.example\r\n\r\nx").unwrap();
    assert_eq!(parsed.headers.from.len(), 1);
    assert_eq!(parsed.body.text.as_deref(), Some("x"));
}

#[test]
fn a_header_without_an_end_is_still_read() {
    let parsed = parse(b"From: a@x.example\r\nSubject: last").unwrap();
    assert_eq!(parsed.headers.subject, "last");
}

#[test]
fn archives_and_tnef_are_kept_as_they_are() {
    let message = b"From: a@x.example\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\n\x78\x9f\x3e\x22";
    let parsed = parse(message).unwrap();
    assert_eq!(parsed.parts[0].bytes, b"\x78\x9f\x3e\x22");
    assert_eq!(parsed.parts[0].media_type, "application/ms-tnef");
}
