//! Cleaning is a fixed point: what it made, it does not change.

use mail_mime::CleanOptions;
use mail_mime::clean::clean;

use crate::tree::faults;

/// Cleans twice and compares. Numbered pictures are left out of the second input, because no mail
/// may name them.
#[track_caller]
pub(crate) fn assert_stable(html: &str) {
    let once = clean(html, &CleanOptions::default());
    let input = without_pictures(&once.html);
    let twice = clean(&input, &CleanOptions::default());
    assert_eq!(input, twice.html, "from {html:?}");
    assert!(faults(&twice.html).is_empty());
}

fn without_pictures(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(at) = rest.find("<img ") {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
        rest = &rest[end..];
        // What comes first in a `<pre>` now would lose its line break to the parser.
        if rest.starts_with('\n')
            && out
                .rfind('<')
                .is_some_and(|tag| out[tag..].starts_with("<pre"))
            && out.ends_with('>')
        {
            out.push('\n');
        }
    }
    out.push_str(rest);
    out
}

#[test]
fn cleaning_twice_is_cleaning_once() {
    for html in [
        "",
        "plain",
        "<p>one<p>two",
        "<b>a<p>b</b>c</p>d",
        "<b><i>a</b>b</i>c",
        "<a href=https://a.example>a<a href=https://b.example>b",
        "<font color=red><div>a</font>b</div>",
        "<ul><li>a<li>b<ul><li>c</ul><li>d</ul>",
        "<dl><dt>a<dd>b<dt>c</dl>",
        "<table><tr><td>a<td>b<tr><td>c</table>d",
        "<table>stray<tr>stray<td>cell</table>",
        "<table><caption>c</caption><colgroup><col width=10></colgroup><tr><th>x",
        "<table><td><table><td>inner</table>outer</table>",
        "<tr><td>lost</td></tr>",
        "<pre>\n\nx</pre>",
        "<pre>\nx</pre><pre>x</pre>",
        "<pre><b>\nx</b></pre>",
        "<h1>a<h2>b</h1>c",
        "<span><div>a</span>b</div>",
        "<p><table><tr><td>x</table>",
        "<center><p>x</center>",
        "<br></br></p>",
        "<q>a<blockquote>b</q>c",
        "<img src=cid:a><img src=https://a.example/x width=10 height=20 alt='a \"b\"'>",
        "<img src=https://a.example/x alt=words>",
        "<body bgcolor=red text=blue style='margin:0'>x",
        "<p style='color:RED;font-family:\"A b\",serif;width:calc(1px + 2em)'>x",
        "<p style='margin:1.5px .25em 0.333333333em 1e3px'>x",
        "<p style='background:url(x) #abc'>x",
        "a\u{a0}b &nbsp; &amp;nbsp; &lt;",
        "<a href='HTTPS://EXAMPLE.example/%7Ea b?ü#ö'>x</a>",
        "<a href='mailto:Ana <ana@choir.example>?subject=a b'>x</a>",
        "<a href='http://bücher.example/'>x</a>",
        "<p title='a\nb\tc'>x",
        "<p align=CENTER dir=RTL lang=de-DE>x",
        "<td>x</td><li>y<option>z",
        "<i><div><i><div><i>x</i></div></i></div></i>y",
        "<b><b><b><b><b>x</b>y</b>z",
        "<address><p>x</address>",
        "<small><p><small>x</small></p>y</small>",
    ] {
        assert_stable(html);
    }
}

#[test]
fn formatting_that_a_block_closed_goes_on_after_it() {
    let html = clean("<p><b>one<p>two</b> three", &CleanOptions::default()).html;
    assert_eq!(html, "<p><b>one</b></p><p><b>two</b> three</p>");
}

#[test]
fn formatting_that_ends_inside_a_block_ends_there() {
    let html = clean("<b>one<div>two</b> three</div>", &CleanOptions::default()).html;
    assert_eq!(html, "<b>one</b><div><b>two</b> three</div>");
}
