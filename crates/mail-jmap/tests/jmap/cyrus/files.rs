//! Files that come with mail, octet by octet.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::TryStreamExt;
use mail_model::remote::{MailSource, SourceError};
use mail_model::{Attachment, BlobId, Disposition, MessageId};

use super::Account;

/// Every octet there is, in an order that repeats nowhere.
fn octets(count: usize) -> Vec<u8> {
    (0..count)
        .map(|index| {
            let mixed = (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (mixed >> 40) as u8 ^ (index % 256) as u8
        })
        .collect()
}

fn base64_lines(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join("\r\n")
}

fn quoted_printable(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && index % 20 == 0 {
            out.push_str("=\r\n");
        }
        out.push_str(&format!("={byte:02X}"));
    }
    out
}

fn part(headers: &str, body: &str) -> String {
    format!("--cut\r\n{headers}\r\n\r\n{body}\r\n")
}

fn message(parts: &[String]) -> Vec<u8> {
    format!(
        "From: ben@mail.example\r\nTo: ana@northwind.example\r\nSubject: files\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=cut\r\n\r\n\
         {}--cut--\r\n",
        parts.concat()
    )
    .into_bytes()
}

async fn fetched(ana: &Account, attachment: &Attachment) -> Vec<u8> {
    let stream = ana.source.blob(&attachment.blob).await.unwrap();
    let pieces: Vec<_> = stream.try_collect().await.unwrap();
    pieces.concat()
}

#[tokio::test]
async fn files_of_every_encoding_arrive_octet_by_octet() {
    let Some(ana) = Account::of("ana.files") else {
        return;
    };
    let large = octets(3_000_000);
    let all = octets(4_096);
    let text = "Déjà vu\r\n.\r\nFrom here\r\n--not the boundary\r\n";
    let parts = [
        part("Content-Type: text/plain; charset=utf-8", "See the files."),
        part(
            "Content-Type: application/pdf; name=\"score.pdf\"\r\n\
             Content-Disposition: attachment; filename=\"score.pdf\"\r\n\
             Content-Transfer-Encoding: base64",
            &base64_lines(&large),
        ),
        part(
            "Content-Type: application/octet-stream\r\n\
             Content-Disposition: attachment; filename*=utf-8''%C5%93uvre.bin\r\n\
             Content-Transfer-Encoding: quoted-printable",
            &quoted_printable(&all),
        ),
        part(
            "Content-Type: text/csv; charset=utf-8\r\n\
             Content-Disposition: attachment; filename=list.csv\r\n\
             Content-Transfer-Encoding: 8bit",
            text,
        ),
        part(
            "Content-Type: image/png\r\nContent-Disposition: attachment; filename=one.png\r\n\
             Content-Transfer-Encoding: base64",
            &base64_lines(&[0x89]),
        ),
        part(
            "Content-Type: application/zip\r\n\
             Content-Disposition: attachment; filename=none.zip\r\n\
             Content-Transfer-Encoding: base64",
            "",
        ),
    ];
    let id = ana.other.import(message(&parts), "inbox").await;
    let id = MessageId::new(id).unwrap();
    let bodies = ana.source.bodies(std::slice::from_ref(&id)).await.unwrap();
    let body = &bodies[0].1;
    assert_eq!(body.text.as_deref(), Some("See the files."));
    let expected: [(&str, &str, &[u8]); 5] = [
        ("score.pdf", "application/pdf", &large),
        ("œuvre.bin", "application/octet-stream", &all),
        ("list.csv", "text/csv", text.as_bytes()),
        ("one.png", "image/png", &[0x89]),
        ("none.zip", "application/zip", &[]),
    ];
    assert_eq!(body.attachments.len(), expected.len());
    for (attachment, (name, media_type, bytes)) in body.attachments.iter().zip(expected) {
        assert_eq!(attachment.name, name);
        assert_eq!(attachment.media_type, media_type);
        assert_eq!(attachment.disposition, Disposition::Attachment);
        assert_eq!(attachment.size, bytes.len() as u64, "{name}");
        assert!(fetched(&ana, attachment).await == bytes, "{name}");
    }
    let messages = ana.source.messages(&[id]).await.unwrap();
    assert!(messages[0].has_attachment);
}

#[tokio::test]
async fn a_picture_inside_an_html_text_keeps_the_id_the_text_names_it_by() {
    let Some(ana) = Account::of("ana.picture") else {
        return;
    };
    let picture = octets(500);
    let html = "<p>Look: <img src=\"cid:pic@mail.example\"></p>";
    let related = format!(
        "--in\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n\
         --in\r\nContent-Type: image/png\r\nContent-ID: <pic@mail.example>\r\n\
         Content-Disposition: inline\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--in--\r\n",
        base64_lines(&picture)
    );
    let parts = [part(
        "Content-Type: multipart/related; boundary=in",
        &related,
    )];
    let id = ana.other.import(message(&parts), "inbox").await;
    let id = MessageId::new(id).unwrap();
    let bodies = ana.source.bodies(&[id]).await.unwrap();
    let body = &bodies[0].1;
    assert_eq!(body.html.as_deref(), Some(html));
    assert_eq!(body.text, None);
    assert_eq!(body.attachments.len(), 1);
    let attachment = &body.attachments[0];
    assert_eq!(attachment.content_id.as_deref(), Some("pic@mail.example"));
    assert_eq!(attachment.disposition, Disposition::Inline);
    assert!(fetched(&ana, attachment).await == picture);
}

#[tokio::test]
async fn alternatives_become_one_text_each() {
    let Some(ana) = Account::of("ana.alternative") else {
        return;
    };
    let alternative = "--in\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\nd=E9j=E0\r\n\
         --in\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<b>d\u{e9}j\u{e0}</b>\r\n--in--\r\n";
    let parts = [
        part(
            "Content-Type: multipart/alternative; boundary=in",
            alternative,
        ),
        part("Content-Type: text/plain", "-- sent by the list"),
    ];
    let id = ana.other.import(message(&parts), "inbox").await;
    let id = MessageId::new(id).unwrap();
    let bodies = ana.source.bodies(&[id]).await.unwrap();
    let body = &bodies[0].1;
    assert_eq!(body.html.as_deref(), Some("<b>déjà</b>"));
    assert_eq!(body.text.as_deref(), Some("déjà\n-- sent by the list"));
    // The list's line is in no HTML text, so it is offered as a file.
    assert_eq!(body.attachments.len(), 1);
    assert_eq!(
        fetched(&ana, &body.attachments[0]).await,
        b"-- sent by the list"
    );
}

#[tokio::test]
async fn a_whole_message_can_be_fetched_as_it_was_sent() {
    let Some(ana) = Account::of("ana.whole") else {
        return;
    };
    let sent = super::letter("whole");
    let id = ana.other.import(sent.clone(), "inbox").await;
    let messages = ana
        .source
        .messages(&[MessageId::new(id).unwrap()])
        .await
        .unwrap();
    assert_eq!(messages[0].size, sent.len() as u64);
    let stream = ana.source.blob(&messages[0].blob).await.unwrap();
    let pieces: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(pieces.concat(), sent);
}

#[tokio::test]
async fn a_blob_that_is_not_there_is_not_found() {
    let Some(ana) = Account::of("ana.noblob") else {
        return;
    };
    let blob = BlobId::new(format!("G{}", "0".repeat(40))).unwrap();
    let error = ana.source.blob(&blob).await.err().unwrap();
    assert!(matches!(error, SourceError::NotFound), "{error:?}");
}

#[tokio::test]
async fn a_text_beyond_the_limit_is_cut_and_said_to_be() {
    let Some(ana) = Account::of("ana.long") else {
        return;
    };
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\r\n";
    let text = line.repeat(20_000);
    let parts = [part("Content-Type: text/plain", &text)];
    let id = ana.other.import(message(&parts), "inbox").await;
    let bodies = ana
        .source
        .bodies(&[MessageId::new(id).unwrap()])
        .await
        .unwrap();
    let body = &bodies[0].1;
    assert!(body.truncated);
    let length = body.text.as_ref().map_or(0, String::len);
    assert!((1_000_000..=1_048_576).contains(&length), "{length}");
}
