//! Mails and payloads of others, where they are laid out. A clone alone has none.

use std::fs;
use std::path::{Path, PathBuf};

use mail_mime::CleanOptions;
use mail_mime::clean::clean;
use mail_mime::parse::{Notice, parse};
use mail_mime::preview::preview;
use mail_mime::text::to_html;

use crate::stability::assert_stable;
use crate::tree::faults;

fn data(what: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("BRAID_TEST_DATA") else {
        println!("skipped: BRAID_TEST_DATA is not set, so there is no {what}");
        return None;
    };
    // Tests run in the crate's folder, the variable is usually relative to the workspace.
    let root = PathBuf::from(root);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = if root.is_absolute() {
        root
    } else {
        workspace.join(root)
    };
    let path = root.join(what);
    assert!(
        path.exists(),
        "BRAID_TEST_DATA is set but {} is missing",
        path.display()
    );
    Some(path)
}

/// The values of `"payload"` in a file of JavaScript objects.
fn payloads(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find("\"payload\"") {
        rest = &rest[at + "\"payload\"".len()..];
        let open = rest.find('"').expect("a string after a payload's name");
        let mut chars = rest[open + 1..].char_indices();
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    rest = &rest[open + 1 + at..];
                    break;
                }
                '\\' => {
                    let (_, escaped) = chars.next().expect("an escape");
                    let mut code = |digits: usize| {
                        let hex: String = (0..digits).map(|_| chars.next().unwrap().1).collect();
                        char::from_u32(u32::from_str_radix(&hex, 16).unwrap()).unwrap_or('\u{fffd}')
                    };
                    text.push(match escaped {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'b' => '\u{8}',
                        'f' => '\u{c}',
                        'v' => '\u{b}',
                        '0' => '\0',
                        'x' => code(2),
                        'u' => code(4),
                        other => other,
                    });
                }
                other => text.push(other),
            }
        }
        found.push(text);
    }
    found
}

#[test]
fn no_known_payload_survives_cleaning() {
    let Some(path) = data("html-attacks/dompurify-expect.mjs") else {
        return;
    };
    let payloads = payloads(&fs::read_to_string(path).unwrap());
    assert_eq!(payloads.len(), 223);
    for payload in &payloads {
        for html in [
            payload.clone(),
            format!("<table><tr><td><b>{payload}</b>"),
            format!("<svg><p>{payload}"),
            format!("<p title='{}'>x", payload.replace('\'', "&#39;")),
        ] {
            let result = clean(&html, &CleanOptions::default());
            let faults = faults(&result.html);
            assert!(
                faults.is_empty(),
                "{faults:?}\nfrom {html}\nto   {}",
                result.html
            );
            assert_stable(&html);
        }
        let text = to_html(payload, mail_mime::text::Flow::Fixed, false);
        let plain = text.html.replacen(" class=\"plain\"", "", 1);
        assert!(crate::tree::faults(&plain).is_empty(), "{payload}");
    }
}

#[test]
fn mails_of_other_parsers_are_read_without_loss() {
    let Some(root) = data("mime") else { return };
    let mut count = 0;
    for folder in ["malformed", "rfc", "thirdparty"] {
        let mut files: Vec<PathBuf> = fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "eml"))
            .collect();
        files.sort();
        for file in files {
            count += 1;
            let bytes = fs::read(&file).unwrap();
            let parsed = parse(&bytes).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            if folder != "malformed" {
                let cut = parsed.notices.iter().any(|n| {
                    matches!(
                        n,
                        Notice::HeadersCut | Notice::TooDeep | Notice::TooManyParts
                    )
                });
                assert!(!cut, "{}: {:?}", file.display(), parsed.notices);
                assert!(!parsed.headers.all.is_empty(), "{}", file.display());
                assert!(
                    parsed.body.text.is_some()
                        || parsed.body.html.is_some()
                        || parsed.attachments().count() > 0,
                    "{}",
                    file.display()
                );
            }
            // The same message without carriage returns says the same.
            let bare: Vec<u8> = bytes.iter().copied().filter(|b| *b != b'\r').collect();
            let bare = parse(&bare).unwrap();
            assert_eq!(
                bare.headers.subject,
                parsed.headers.subject,
                "{}",
                file.display()
            );
            assert_eq!(bare.parts.len(), parsed.parts.len(), "{}", file.display());

            if let Some(html) = &parsed.body.html {
                let result = clean(html, &CleanOptions::default());
                let faults = faults(&result.html);
                assert!(faults.is_empty(), "{}: {faults:?}", file.display());
                assert_stable(html);
            }
            assert!(
                preview(parsed.body.text.as_deref(), parsed.body.html.as_deref())
                    .chars()
                    .count()
                    <= 256
            );
            // Cut anywhere, it is still a message or plainly none.
            for end in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
                if let Ok(cut) = parse(&bytes[..end]) {
                    assert!(cut.parts.iter().all(|part| part.range.end <= end));
                }
            }
        }
    }
    assert_eq!(count, 53);
}
