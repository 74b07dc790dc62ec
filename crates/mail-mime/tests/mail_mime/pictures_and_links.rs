//! What happens to pictures and links.

use mail_mime::clean::clean;
use mail_mime::{CleanOptions, ImagePolicy, ImageSource, Link};

use crate::tree::clean_and_judge;

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn serve(html: &str) -> mail_mime::CleanHtml {
    clean(
        html,
        &CleanOptions {
            images: ImagePolicy::ServeRemote,
            ..CleanOptions::default()
        },
    )
}

#[test]
fn pictures_of_the_mail_are_numbered_in_order_and_once() {
    let result = clean_and_judge(
        "<img src=\"cid:b%40x\"><img src='CID:a@x'><img src=' cid:b%40x ' alt=again>",
    );
    assert_eq!(
        result.images,
        [
            ImageSource::Cid("b@x".to_owned()),
            ImageSource::Cid("a@x".to_owned())
        ]
    );
    assert_eq!(
        result.html,
        "<img src=\"img/0\"><img src=\"img/1\"><img alt=\"again\" src=\"img/0\">"
    );
    let cid: Vec<_> = result.cid().collect();
    assert_eq!(cid, [(0, "b@x"), (1, "a@x")]);
}

#[test]
fn pictures_on_the_network_leave_a_box_of_their_size_and_are_counted() {
    let result = clean_and_judge(
        "<img src=https://a.example/1.png width=300 height=200 alt='A <boat>'>\
         <img src=//a.example/2.png alt=second><img src=http://a.example/3.png>",
    );
    assert_eq!((result.blocked_images, result.trackers), (3, 0));
    assert_eq!(
        result.html,
        "<span style=\"display:inline-block;box-sizing:border-box;max-width:100%;overflow:hidden;\
         width:300px;height:200px;border:1px dashed #b8b5ae\">A &lt;boat&gt;</span>\
         <span style=\"border:1px dashed #b8b5ae;padding:0 4px\">second</span>"
    );
    assert!(result.images.is_empty());
    assert!(!result.has_own_colors);
}

#[test]
fn pictures_nobody_can_see_are_trackers_and_never_served() {
    for picture in [
        "<img src=https://t.example/p.gif width=1 height=1>",
        "<img src=https://t.example/p.gif width=3 height=3>",
        "<img src=https://t.example/p.gif width=0 height=50>",
        "<img src=https://t.example/p.gif height=1>",
        "<img src=https://t.example/p.gif style='width:1px;height:1px'>",
        "<img src=https://t.example/p.gif style='width:0;height:0'>",
        "<img src=https://t.example/p.gif style='display:none'>",
        "<img src=https://t.example/p.gif style='visibility:hidden'>",
        "<img src=https://t.example/p.gif width='1px' height='1px'>",
        "<img src=//t.example/p.gif width=100 style='width:1.5px;height:1px'>",
    ] {
        for result in [clean_and_judge(picture), serve(picture)] {
            assert_eq!(
                (result.trackers, result.blocked_images),
                (1, 0),
                "{picture}"
            );
            assert_eq!(result.html, "", "{picture}");
            assert!(result.images.is_empty(), "{picture}");
        }
    }
}

#[test]
fn a_spacer_of_the_layout_is_no_tracker() {
    let result = clean_and_judge("<img src=https://a.example/s.gif width=600 height=1>");
    assert_eq!((result.trackers, result.blocked_images), (0, 1));
    assert!(!result.html.contains("dashed"));
}

#[test]
fn with_consent_pictures_on_the_network_are_numbered_too() {
    let result = serve("<img src=cid:a><img src='https://a.example/x.png?u=1&amp;v=2'>");
    assert_eq!(
        result.images,
        [
            ImageSource::Cid("a".to_owned()),
            ImageSource::Remote("https://a.example/x.png?u=1&v=2".to_owned())
        ]
    );
    assert_eq!(result.blocked_images, 0);
    assert_eq!(result.html, "<img src=\"img/0\"><img src=\"img/1\">");
}

#[test]
fn only_small_rasters_may_stand_in_their_own_address() {
    let result = clean_and_judge(&format!("<img src='data:image/png;base64,{PNG}'>"));
    assert!(
        matches!(result.images.as_slice(), [ImageSource::Data(bytes)] if bytes.starts_with(b"\x89PNG"))
    );
    for bad in [
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:image/svg+xml,<svg/>",
        "data:text/html;base64,PHNjcmlwdD4=",
        "data:image/png;base64,PHN2Zy8+",
        "data:image/png,abc",
        "data:,x",
        "data:image/png;base64,!!!",
    ] {
        let result = clean_and_judge(&format!("<img alt=words src='{bad}'>"));
        assert!(result.images.is_empty(), "{bad}");
        assert_eq!(result.blocked_images, 0, "{bad}");
        assert!(result.html.contains("words"), "{bad}");
    }
}

#[test]
fn a_mail_cannot_name_the_numbers_of_pictures() {
    let result = clean_and_judge(
        "<img src=img/0><img src='/t/0'><img src='mail://localhost/t/0'><img src=x><img>\
         <img src='file:///a.png'><img src='blob:x'><img src='javascript:1'>",
    );
    assert_eq!(result.html, "");
    assert!(result.images.is_empty());
}

#[test]
fn the_base_of_picture_addresses_is_the_callers() {
    let result = clean(
        "<img src=cid:a>",
        &CleanOptions {
            image_base: "p-".to_owned(),
            ..CleanOptions::default()
        },
    );
    assert_eq!(result.html, "<img src=\"p-0\">");
}

#[test]
fn links_are_listed_with_their_words_and_open_outside() {
    let result = clean_and_judge(
        "<a href='https://a.example/x' target=_self rel=opener>one <b>two</b></a>\
         <a href=mailto:ana@choir.example>mail</a><a href='tel:+49 30 1'>call</a><a>none</a>",
    );
    assert_eq!(
        result.links,
        [
            Link {
                href: "https://a.example/x".to_owned(),
                text: "one two".to_owned()
            },
            Link {
                href: "mailto:ana@choir.example".to_owned(),
                text: "mail".to_owned()
            },
            Link {
                href: "tel:+49 30 1".to_owned(),
                text: "call".to_owned()
            },
        ]
    );
    assert_eq!(result.html.matches("target=\"_blank\"").count(), 3);
    assert_eq!(
        result
            .html
            .matches("rel=\"noopener noreferrer nofollow\"")
            .count(),
        3
    );
}

#[test]
fn a_links_host_is_told_as_it_is_looked_up() {
    for (href, told) in [
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        (
            "https://good.example@evil.example/",
            "https://good.example@evil.example/",
        ),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("HTTPS:\\\\A.example\\x", "https://a.example/x"),
        ("https:a.example", "https://a.example/"),
        ("https://a.exa\u{ad}mple/", "https://a.example/"),
        (
            "https://a.example/\u{202e}x",
            "https://a.example/%E2%80%AEx",
        ),
    ] {
        let result = clean_and_judge(&format!("<a href=\"{href}\">x</a>"));
        assert_eq!(result.links[0].href, told, "{href}");
    }
}

#[test]
fn the_words_of_a_link_are_cut() {
    let result = clean_and_judge(&format!(
        "<a href=https://a.example>{}</a>",
        "ä".repeat(1000)
    ));
    assert_eq!(result.links[0].text.chars().count(), 200);
}

#[test]
fn own_colours_are_noticed_wherever_they_are_set() {
    for html in [
        "<p style=color:red>x",
        "<p style='background:#fff'>x",
        "<table bgcolor=#eee><td>x",
        "<font color=blue>x",
        "<body text=black>x",
        "<td style='background:url(x) black'><table><td style='background-color:rgb(1 2 3)'>x",
    ] {
        assert!(clean_and_judge(html).has_own_colors, "{html}");
    }
    for html in [
        "<p style='color:inherit;background:transparent'>x",
        "<p style='border:1px solid red;font-size:12px'>x",
        "<p>x",
    ] {
        assert!(!clean_and_judge(html).has_own_colors, "{html}");
    }
}
