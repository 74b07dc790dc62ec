//! HTML as mail programs and newsletters write it, made from the same plain text.
//!
//! In a text, `## ` begins a heading, `- ` an entry of a list, and `[[words|address]]` is a link.

use std::fmt::Write as _;

use super::draft::{Draft, Style};

/// The text without its marks, for a plain part.
pub(crate) fn as_text(text: &str) -> String {
    let mut out = String::new();
    for line in text.trim().lines() {
        let line = line.strip_prefix("## ").unwrap_or(line);
        let mut rest = line;
        while let Some((before, link)) = rest.split_once("[[") {
            out.push_str(before);
            let (link, after) = link.split_once("]]").unwrap_or((link, ""));
            let (words, address) = link.split_once('|').unwrap_or((link, ""));
            write!(out, "{words}: {address}").ok();
            rest = after;
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn line(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[[") {
        out.push_str(&escape(before));
        let (link, after) = link.split_once("]]").unwrap_or((link, ""));
        let (words, address) = link.split_once('|').unwrap_or((link, ""));
        write!(out, "<a href=\"{}\">{}</a>", escape(address), escape(words)).ok();
        rest = after;
    }
    out + &escape(rest)
}

/// Paragraphs, headings and lists of a text.
fn blocks(text: &str) -> String {
    let mut out = String::new();
    for paragraph in text.trim().split("\n\n") {
        let lines: Vec<&str> = paragraph.lines().collect();
        if let [heading, rest @ ..] = lines.as_slice()
            && let Some(heading) = heading.strip_prefix("## ")
        {
            write!(out, "<h2>{}</h2>", line(heading)).ok();
            if !rest.is_empty() {
                out.push_str(&blocks(&rest.join("\n")));
            }
        } else if lines.iter().all(|l| l.starts_with("- ")) && !lines.is_empty() {
            out.push_str("<ul>");
            for l in lines {
                write!(out, "<li>{}</li>", line(l.trim_start_matches("- "))).ok();
            }
            out.push_str("</ul>");
        } else {
            let lines: Vec<_> = lines.into_iter().map(line).collect();
            write!(out, "<p>{}</p>", lines.join("<br>")).ok();
        }
    }
    out
}

/// The name of the picture inside a message.
pub(crate) fn picture_id(draft: &Draft) -> String {
    format!("pic.{:x}@mail.example", draft.seed & 0xffff_ffff)
}

/// The whole HTML of a message.
pub(crate) fn page(draft: &Draft) -> String {
    let domain = draft.from.1.rsplit('@').next().unwrap_or("mail.example");
    let id = draft.seed & 0xff_ffff;
    let direction = if draft
        .text
        .chars()
        .any(|c| matches!(c, '\u{590}'..='\u{6ff}'))
    {
        " dir=\"rtl\""
    } else {
        ""
    };
    let mut images = String::new();
    for n in 0..draft.images {
        writeln!(images, "<p><img src=\"https://img.{domain}/m/{id:06x}/{n}.jpg\" width=\"520\" height=\"{}\" alt=\"\"></p>", 140 + n * 20).ok();
    }
    if draft.picture {
        writeln!(
            images,
            "<p><img src=\"cid:{}\" alt=\"Picture\" width=\"240\"></p>",
            picture_id(draft)
        )
        .ok();
    }
    let tracker = if draft.tracker {
        format!(
            "<img src=\"https://t.{domain}/o/{id:06x}.gif\" width=\"1\" height=\"1\" alt=\"\">\n"
        )
    } else {
        String::new()
    };
    let body = blocks(&draft.text);
    match draft.style {
        Style::Letter => letter(draft, domain, id, &body, &images, &tracker, direction),
        Style::Hostile => format!(
            "<html><head><meta http-equiv=\"refresh\" content=\"0;url=https://{domain}/go\"><style>body{{background:url(https://t.{domain}/css/{id:06x})}} @import 'https://t.{domain}/x.css';</style></head>\n<body onload=\"location='https://{domain}/in'\"><base href=\"https://{domain}/\">{body}\n<script>document.title='{id:06x}'</script>\n<form action=\"https://{domain}/login\" method=\"post\"><input name=\"user\"><input type=\"password\" name=\"word\"><button>Confirm</button></form>\n<a href=\"javascript:alert(1)\">Open statement</a> <iframe src=\"https://{domain}/frame\"></iframe><svg><script href=\"https://{domain}/a.js\"/></svg><img src=x onerror=\"alert(1)\">\n{tracker}<div style=\"position:fixed;inset:0;opacity:0\"><a href=\"https://{domain}/cover\">.</a></div></body></html>\n"
        ),
        _ => {
            let quote = draft.quote.as_ref().map_or_else(String::new, |(line, quoted)| {
                format!("<div class=\"quoted\"><div>{}</div>\n<blockquote type=\"cite\" style=\"margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex\">{}</blockquote></div>\n", escape(line), blocks(quoted))
            });
            format!(
                "<!doctype html>\n<html><head><meta http-equiv=\"Content-Type\" content=\"text/html\"></head><body{direction}>\n<div style=\"font-family:sans-serif;font-size:14px\">{body}\n{images}</div>\n{quote}{tracker}</body></html>\n"
            )
        }
    }
}

fn letter(
    draft: &Draft,
    domain: &str,
    id: u64,
    body: &str,
    images: &str,
    tracker: &str,
    direction: &str,
) -> String {
    let hue = draft.from.1.bytes().map(u32::from).sum::<u32>() % 360;
    format!(
        "<!doctype html>\n<html><head><meta charset=\"utf-8\"><style>\n.wrap {{ max-width: 600px; margin: 0 auto; font-family: Georgia, serif; color: #222 }}\n.head {{ background: hsl({hue} 45% 92%); padding: 20px }}\n@media (max-width: 480px) {{ .wrap {{ width: 100% }} }}\n</style></head>\n<body{direction} style=\"margin:0;background:#f4f4f2\">\n<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tr><td align=\"center\">\n<table role=\"presentation\" class=\"wrap\" width=\"600\" bgcolor=\"#ffffff\"><tr><td class=\"head\"><img src=\"https://img.{domain}/logo.png\" width=\"120\" height=\"32\" alt=\"{}\"></td></tr>\n<tr><td style=\"padding:20px\">{body}\n{images}</td></tr>\n<tr><td style=\"padding:20px;font-size:12px;color:#777\">You get this because you asked for it. <a href=\"https://{domain}/leave?m={id:06x}\">Leave this list</a> · <a href=\"https://{domain}/view/{id:06x}\">Read on the web</a></td></tr></table>\n</td></tr></table>\n{tracker}</body></html>\n",
        escape(&draft.from.0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_html_and_vanish_from_the_text() {
        let text =
            "## News\n\n- one & two\n- three\n\nSee [[the page|https://a.example/?x=1&y=2]] now.";
        assert_eq!(
            blocks(text),
            "<h2>News</h2><ul><li>one &amp; two</li><li>three</li></ul><p>See <a href=\"https://a.example/?x=1&amp;y=2\">the page</a> now.</p>"
        );
        assert_eq!(
            as_text(text),
            "News\n\n- one & two\n- three\n\nSee the page: https://a.example/?x=1&y=2 now.\n"
        );
    }
}
