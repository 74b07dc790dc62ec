//! Text is decoded once, and what is cleaned is what is shown.

use mail_mime::CleanOptions;
use mail_mime::clean::clean;
use mail_mime::parse::{Notice, parse};

use crate::tree::faults;

fn text_of(charset: &str, encoding: &str, body: &[u8]) -> (String, Vec<Notice>) {
    let mut message = format!(
        "From: ana@choir.example\r\nContent-Type: text/plain{charset}\r\n\
         Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    .into_bytes();
    message.extend(body);
    let parsed = parse(&message).unwrap();
    (parsed.body.text.unwrap(), parsed.notices)
}

#[test]
fn texts_are_read_in_their_charset() {
    let rows: &[(&str, &[u8], &str)] = &[
        ("utf-8", "Grüße 日本".as_bytes(), "Grüße 日本"),
        ("UTF8", "ä".as_bytes(), "ä"),
        ("iso-8859-1", b"Gr\xfc\xdfe", "Grüße"),
        ("ISO-8859-15", b"5 \xa4", "5 €"),
        ("windows-1252", b"\x93x\x94 \x80", "“x” €"),
        ("cp1251", b"\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"),
        ("koi8-r", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
        ("iso-8859-2", b"\xb9\xe8\xbe", "ščž"),
        ("iso-8859-8-i", b"\xf9\xec\xe5\xed", "שלום"),
        ("windows-1256", b"\xe3\xd1\xcd\xc8\xc7", "مرحبا"),
        ("shift_jis", b"\x93\xfa\x96\x7b", "日本"),
        ("euc-jp", b"\xc6\xfc\xcb\xdc", "日本"),
        ("iso-2022-jp", b"\x1b$BF|K\\\x1b(B", "日本"),
        ("gb2312", b"\xd6\xd0\xce\xc4", "中文"),
        ("gb18030", b"\xd6\xd0\xce\xc4", "中文"),
        ("big5", b"\xa4\xa4\xa4\xe5", "中文"),
        ("euc-kr", b"\xc7\xd1\xb1\xdb", "한글"),
        ("utf-7", b"Hi +AOQ-", "Hi ä"),
        ("utf-16le", b"h\0i\0", "hi"),
        ("us-ascii", "mislabelled: ä".as_bytes(), "mislabelled: ä"),
        ("us-ascii", b"mislabelled: \xe4", "mislabelled: ä"),
        ("tis-620", b"\xca\xc7\xd1\xca\xb4\xd5", "สวัสดี"),
        ("macintosh", b"\x8a", "ä"),
    ];
    for (charset, bytes, expected) in rows {
        let (text, notices) = text_of(&format!("; charset={charset}"), "8bit", bytes);
        assert_eq!(text, *expected, "{charset}");
        assert!(notices.is_empty(), "{charset} {notices:?}");
        let (text, _) = text_of(&format!("; charset=\"{charset}\""), "8bit", bytes);
        assert_eq!(text, *expected, "{charset} quoted");
    }
}

#[test]
fn without_a_charset_utf8_is_tried_and_western_text_is_the_fallback() {
    assert_eq!(text_of("", "8bit", "ä".as_bytes()).0, "ä");
    assert_eq!(text_of("", "8bit", b"\xe4").0, "ä");
}

#[test]
fn an_unknown_charset_is_said() {
    let (text, notices) = text_of("; charset=x-unheard-of", "8bit", b"a\xffb");
    assert_eq!(text, "a\u{fffd}b");
    assert_eq!(notices, [Notice::UnknownCharset]);
}

#[test]
fn broken_octets_never_fail() {
    for bytes in [
        &b"\xc0\xaf\xc1\x9c"[..],
        b"\xed\xa0\x80\xed\xbf\xbf",
        b"\xf5\x80\x80\x80",
        b"\xff\xfe\xfd",
        b"\xe4\xb8",
        b"a\0b",
    ] {
        for charset in [
            "utf-8",
            "utf-7",
            "utf-16",
            "iso-2022-jp",
            "gb18030",
            "big5",
            "hz-gb-2312",
        ] {
            let (text, _) = text_of(&format!("; charset={charset}"), "8bit", bytes);
            assert!(
                !text.contains('/') && !text.contains('\\'),
                "{charset} {text:?}"
            );
        }
    }
}

#[test]
fn a_byte_order_mark_is_not_text() {
    assert_eq!(text_of("; charset=utf-8", "8bit", b"\xef\xbb\xbfx").0, "x");
    assert_eq!(
        text_of("; charset=utf-16", "8bit", b"\xff\xfeh\0i\0").0,
        "hi"
    );
    assert_eq!(
        text_of("; charset=utf-16", "8bit", b"\xfe\xff\0h\0i").0,
        "hi"
    );
}

#[test]
fn transfer_encodings_are_undone_as_far_as_they_go() {
    let rows: &[(&str, &[u8], &str, bool)] = &[
        ("quoted-printable", b"a=20b=\r\nc", "a bc", false),
        ("quoted-printable", b"a   \r\nb", "a\r\nb", false),
        ("quoted-printable", b"caf=C3=A9 =3D", "café =", false),
        ("quoted-printable", b"caf=c3=a9", "café", false),
        ("quoted-printable", b"50=% =XY =4", "50=% =XY =4", true),
        ("base64", b"SGVs\r\nbG8=", "Hello", false),
        ("base64", b"SGVsbG8", "Hello", false),
        ("base64", b"SGVs!*bG8=\r\n--", "Hello", true),
        ("BASE64", b"SGVsbG8=", "Hello", false),
        ("8bit", b"as is =20", "as is =20", false),
        ("x-unknown", b"as is", "as is", false),
        ("", b"as is", "as is", false),
    ];
    for (encoding, body, expected, broken) in rows {
        let (text, notices) = text_of("; charset=utf-8", encoding, body);
        assert_eq!(text, *expected, "{encoding} {body:?}");
        assert_eq!(
            notices.contains(&Notice::BrokenEncoding),
            *broken,
            "{encoding} {body:?}"
        );
    }
}

#[test]
fn markup_hidden_in_a_charset_is_cleaned_after_decoding() {
    let rows: &[(&str, &[u8])] = &[
        ("utf-7", b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-<p>x"),
        (
            "utf-16be",
            b"\0<\0s\0c\0r\0i\0p\0t\0>\x001\0<\0/\0s\0c\0r\0i\0p\0t\0>\0x",
        ),
        ("iso-2022-jp", b"\x1b(J<script>1</script>\x1b(Bx"),
        ("ibm850", b"<script>1</script>x"),
        ("utf-8", b"\xef\xbb\xbf<script>1</script>x"),
        ("utf-8", b"\xc0\xbcscript>x"),
        ("gb18030", b"\x81<script>1</script>x"),
        ("shift_jis", b"<p title=\"\x81\"onclick=1 \">x"),
        ("big5", b"<p title=\"\xa4\"onclick=1 \">x"),
        ("euc-kr", b"<p title=\"\xff\"onclick=1 \">x"),
    ];
    for (charset, bytes) in rows {
        let mut message = format!(
            "From: ana@choir.example\r\nContent-Type: text/html; charset={charset}\r\n\r\n"
        )
        .into_bytes();
        message.extend(*bytes);
        let html = parse(&message).unwrap().body.html.unwrap();
        let shown = clean(&html, &CleanOptions::default()).html;
        assert!(faults(&shown).is_empty(), "{charset} {shown}");
        assert!(!shown.contains("onclick=1\""), "{charset} {shown}");
        assert!(shown.contains('x'), "{charset} {shown}");
    }
}

#[test]
fn a_charset_the_html_names_itself_changes_nothing() {
    let message = "From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
                   <meta charset=utf-7><p>+ADw-b+AD4-ä";
    let html = parse(message.as_bytes()).unwrap().body.html.unwrap();
    let shown = clean(&html, &CleanOptions::default()).html;
    assert_eq!(shown, "<p>+ADw-b+AD4-ä</p>");
}
