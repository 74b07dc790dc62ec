//! Families of attacks on mail HTML, in our own words.

use crate::tree::{clean_and_judge, faults};

#[track_caller]
fn all_harmless(cases: &[&str]) {
    for case in cases {
        clean_and_judge(case);
        // The same again where it would hurt most: inside other markup, and cut short.
        clean_and_judge(&format!("<table><tr><td><a href=https://a.example>{case}"));
        clean_and_judge(&format!("<p title=\"{case}\">x</p>"));
        clean_and_judge(&format!("<svg><style>{case}"));
        clean_and_judge(&format!("<math><mtext><table><mglyph>{case}"));
        clean_and_judge(&format!("<textarea>{case}"));
        clean_and_judge(&format!("<title>{case}"));
        let half = case.floor_char_boundary(case.len() / 2);
        clean_and_judge(&case[..half]);
    }
}

#[test]
fn the_judge_itself_finds_faults() {
    for bad in [
        "<script>1</script>",
        "<p onclick=x>",
        "<a href=javascript:1>",
        "<img src=https://a.example/>",
        "<img src=img/x>",
        "<svg></svg>",
        "<p style='background:url(x)'>",
        "<p id=x>",
        "<!--x-->",
        "<link rel=preconnect href=//a.example>",
        "<form></form>",
        "<a href=https://a.example target=_self>",
    ] {
        assert!(!faults(bad).is_empty(), "{bad}");
    }
}

#[test]
fn scripts_and_handlers_never_survive() {
    all_harmless(&[
        "<script>alert(1)</script>",
        "<SCRIPT SRC=https://x.example/a.js></SCRIPT>",
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<script/x>alert(1)</script>",
        "<script\u{c}src=x>",
        "<<script>alert(1);//<</script>",
        "<script>/*</script><script>*/alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<img src=x:x onerror\n=\nalert(1)>",
        "<img/onerror=alert(1) src>",
        "<img src=`x` onerror=alert(1)>",
        "<body onload=alert(1)>",
        "<body/onpageshow=alert(1)>",
        "<p onpointerrawupdate=alert(1)>x",
        "<details open ontoggle=alert(1)><summary>x",
        "<marquee onstart=alert(1)>x</marquee>",
        "<video><source onerror=alert(1)></video>",
        "<a onfocus=alert(1) autofocus tabindex=1 href=https://a.example>x</a>",
        "<div onbeforeinput=alert(1) contenteditable>x</div>",
        "<x onclick=alert(1) tabindex=0>x</x>",
        "<p popover id=p onbeforetoggle=alert(1)><button popovertarget=p>x",
        "<object data='data:text/html,<script>1</script>'></object>",
        "<embed src=javascript:alert(1)>",
        "<iframe srcdoc='<script>1</script>'></iframe>",
        "<frameset onload=alert(1)><frame src=javascript:1>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<input onfocus=alert(1) autofocus>",
        "<style onload=alert(1)></style>",
        "<isindex type=image src=1 onerror=alert(1)>",
        "<bgsound src=javascript:alert(1)>",
    ]);
}

#[test]
fn script_addresses_in_thirty_spellings_lose_their_link() {
    for href in [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "\tjavascript:alert(1)",
        "\njavascript:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "java\r\nscript:alert(1)",
        "&#106;avascript:alert(1)",
        "&#x6A;avascript:alert(1)",
        "&#0000106avascript:alert(1)",
        "javascript&colon;alert(1)",
        "javascript&#58;alert(1)",
        "java&Tab;script:alert(1)",
        "java&NewLine;script:alert(1)",
        "\u{1}javascript:alert(1)",
        "\u{1f}javascript:alert(1)",
        "&#1;javascript:alert(1)",
        "\u{a0}javascript:alert(1)",
        "\u{2028}javascript:alert(1)",
        "\u{feff}javascript:alert(1)",
        "javascript:&#x2f;&#x2f;%0aalert(1)",
        "javascript://a.example/%0aalert(1)",
        "vbscript:msgbox(1)",
        "livescript:x",
        "data:text/html,<script>1</script>",
        "data:text/html;base64,PHNjcmlwdD4xPC9zY3JpcHQ+",
        "blob:https://a.example/1",
        "file:///etc/passwd",
        "tauri://localhost/",
        "ipc://localhost/x",
        "asset://localhost/x",
        "mail://localhost/other/0",
        "feed:javascript:alert(1)",
        "view-source:javascript:1",
        "jar:https://a.example!/x",
        "about:blank",
        "//a.example/x",
        "/relative",
        "relative",
        "?q",
        "#anchor",
        "",
    ] {
        let result = clean_and_judge(&format!("<a href=\"{href}\">words</a>"));
        assert!(!result.html.contains("href"), "{href:?} {}", result.html);
        assert!(result.links.is_empty());
        assert!(result.html.contains("words"));
    }
}

#[test]
fn trees_that_change_when_read_again_are_harmless() {
    all_harmless(&[
        "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
        "<math></p><style><!--</style><img src=x onerror=alert(1)>--></style>",
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        "<svg><foreignObject><p><style><img src=x onerror=alert(1)></style></foreignObject></svg>",
        "<math><annotation-xml encoding=\"text/html\"><style><img src=x onerror=alert(1)></style></annotation-xml>",
        "<svg><annotation-xml><foreignobject><style><!--</style><p id=\"--><img src=x onerror=alert(1)>\">",
        "<svg><desc><title><style><img src=x onerror=alert(1)></style>",
        "<svg><title><![CDATA[<img src=x onerror=alert(1)>]]></title>",
        "<![CDATA[<img src=x onerror=alert(1)>]]>",
        "<noembed><p title=\"</noembed><img src=x onerror=alert(1)>\">",
        "<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\">",
        "<plaintext><img src=x onerror=alert(1)>",
        "<listing>&lt;img src=x onerror=alert(1)&gt;</listing>",
        "<template><img src=x onerror=alert(1)></template>",
        "<template><template></template><script>1</script></template>",
        "<select><template><style><!--</style><a rel=\"--></style></template></select><img id=x src onerror=alert(1)>\"></a>",
        "<select><selectedcontent><img src=x onerror=alert(1)></selectedcontent></select>",
        "<table><td><a><table><td><a><svg><style><img src=x onerror=alert(1)>",
        "<p><svg><p><style><g title=\"</style><img src onerror=alert(1)>\">",
        "<a><table><a><img src=x onerror=alert(1)>",
        "<b><p><b><p></b></p><script>1</script>",
        "<math><mi><table><mi><style><img src=x onerror=alert(1)>",
        "<svg><![CDATA[><img src=x onerror=alert(1)>]]>",
        "<textarea></textarea><img src=x onerror=alert(1)>",
        "<title>&lt;/title&gt;&lt;img src=x onerror=alert(1)&gt;</title>",
        "<iframe><p title='</iframe><img src=x onerror=alert(1)>'>",
        "<!--><img src=x onerror=alert(1)>-->",
        "<!--a--!><img src=x onerror=alert(1)>",
        "<!-- <img title='--><img src=x onerror=alert(1)>'>",
        "<!doctype html [<!ENTITY x '<img src=x onerror=alert(1)>'>]>&x;",
        "<?xml version='1.0'?><?php <img src=x onerror=alert(1)> ?>",
        "</br><img src=x onerror=alert(1)></p>",
        "<nobr><nobr><button><nobr>x</button>",
    ]);
}

#[test]
fn quotes_entities_and_unfinished_tags_do_not_leak_markup() {
    all_harmless(&[
        "<p title=\"a\" onmouseover=\"alert(1)\">x",
        "<p title='&quot; onmouseover=alert(1) x=&quot;'>x",
        "<p title=a\"onmouseover=alert(1)//>x",
        "<p title=\"&#34;&gt;&lt;script&gt;1&lt;/script&gt;\">x",
        "<p title=`x` onmouseover=alert(1)>x",
        "<p title=\"\0\" on\0click=alert(1)>x",
        "<scr\0ipt>alert(1)</scr\0ipt>",
        "<p <script>alert(1)</script>>x",
        "<p title=\"unfinished",
        "<a href=\"https://a.example",
        "<img alt=\"<img src=x onerror=alert(1)>",
        "a < b <3 <- <",
        "&lt;script&gt;1&lt;/script&gt;",
        "&amp;lt;script&amp;gt;",
        "&#x3c;script&#x3e;",
        "&ltscript&gt1",
        "<p/title=\"x\"/onclick=\"1\"/>",
        "<p =x onclick=1>",
        "<p title=x\u{c}onclick=1>",
        "<p title=x\u{b}onclick=1>",
        "<a href=https://a.example\u{3000}onclick=1>x",
        "<p lang=\"en\" xml:lang=\"x\" xmlns:xlink=y xlink:href=javascript:1>",
        "<p data-x=\"<script>\" aria-label='\"><script>1</script>'>",
    ]);
}

#[test]
fn entities_are_read_once() {
    let result = clean_and_judge("<p>&amp;lt;b&amp;gt; &lt;b&gt;</p>");
    assert_eq!(result.html, "<p>&amp;lt;b&amp;gt; &lt;b&gt;</p>");
}

#[test]
fn nothing_that_loads_by_itself_survives() {
    let u = "https://leak.example/";
    let mut cases: Vec<String> = Vec::new();
    for tag in [
        "audio",
        "embed",
        "frame",
        "iframe",
        "input type=image",
        "script",
        "source",
        "track",
        "video",
        "bgsound",
        "layer",
        "ilayer",
        "portal",
        "fencedframe",
        "image",
        "amp-img",
    ] {
        cases.push(format!("<{tag} src={u}>"));
        cases.push(format!("<{tag} srcset='{u} 1x' src={u}>"));
    }
    for rel in [
        "stylesheet",
        "preconnect",
        "dns-prefetch",
        "prefetch",
        "preload",
        "modulepreload",
        "prerender",
        "icon",
        "apple-touch-icon",
        "manifest",
        "import",
        "expect",
        "alternate",
        "pingback",
        "next",
    ] {
        cases.push(format!(
            "<link rel={rel} href={u} as=image imagesrcset='{u} 1x'>"
        ));
        cases.push(format!("<svg><link rel={rel} href={u}></svg>"));
    }
    for attribute in [
        "background",
        "poster",
        "lowsrc",
        "dynsrc",
        "longdesc",
        "cite",
        "usemap",
        "data",
        "codebase",
        "classid",
        "archive",
        "profile",
        "manifest",
        "icon",
        "formaction",
        "action",
        "ping",
        "srcset",
        "imagesrcset",
        "attributionsrc",
        "browsingtopics",
        "xlink:href",
        "content",
        "src",
        "srcdoc",
    ] {
        for tag in [
            "p",
            "div",
            "td",
            "table",
            "body",
            "a",
            "q",
            "blockquote",
            "ins",
            "html",
        ] {
            cases.push(format!("<{tag} {attribute}={u}>x"));
        }
    }
    cases.extend(
        [
            "<meta http-equiv=refresh content='0;url=https://leak.example/'>",
            "<meta http-equiv=x-dns-prefetch-control content=on>",
            "<meta http-equiv=Content-Security-Policy content=\"img-src *\">",
            "<meta http-equiv=set-cookie content=a=b>",
            "<base href=https://leak.example/><img src=a.png>",
            "<base target=_self>",
            "<object data=https://leak.example/><param name=movie value=https://leak.example/>",
            "<applet code=x archive=https://leak.example/>",
            "<picture><source srcset=https://leak.example/><img src=cid:a></picture>",
            "<svg><image href=https://leak.example/ /><use href=https://leak.example/#a /></svg>",
            "<svg><feImage href=https://leak.example/ /></svg>",
            "<svg><filter id=f><feImage xlink:href=https://leak.example/></filter></svg>",
            "<svg fill='url(https://leak.example/#a)' mask='url(https://leak.example/)'/>",
            "<svg><style>@import url(https://leak.example/)</style></svg>",
            "<svg><a href=javascript:1><text>x</text></a></svg>",
            "<svg><animate attributeName=href values=javascript:1 /></svg>",
            "<svg><set attributeName=onmouseover to=alert(1) /></svg>",
            "<svg><animateTransform onbegin=alert(1) attributeName=transform></svg>",
            "<svg><script href=https://leak.example/ /></svg>",
            "<svg><foreignObject><iframe src=https://leak.example/></foreignObject></svg>",
            "<math href=https://leak.example/><mrow xlink:href=javascript:1>x</mrow></math>",
            "<?xml-stylesheet href='https://leak.example/'?>",
            "<!DOCTYPE html SYSTEM 'https://leak.example/'>",
            "<style>@import 'https://leak.example/';@font-face{src:url(https://leak.example/)}</style>",
            "<style>p{background:url(https://leak.example/)}</style><p>x",
            "<form action=https://leak.example/><input name=a><button>x",
            "<menuitem icon=https://leak.example/>",
            "<video poster=https://leak.example/ controls>",
            "<a href=https://a.example ping=https://leak.example/>x</a>",
        ]
        .map(str::to_owned),
    );
    assert!(cases.len() >= 80);
    for case in &cases {
        let html = clean_and_judge(case).html;
        assert!(!html.contains("leak.example"), "{case} {html}");
    }
}

#[test]
fn forms_and_fields_are_taken_apart_but_their_words_stay() {
    let html = clean_and_judge(
        "<form action=x><label>Password <input type=password autofocus></label>\
         <button type=submit>Sign in</button><textarea>note <b>x</b></textarea>\
         <select><option>one</select><fieldset><legend>Two</legend></fieldset></form>",
    )
    .html;
    for word in ["Password", "Sign in", "note", "one", "Two"] {
        assert!(html.contains(word), "{word} in {html}");
    }
}

#[test]
fn nothing_can_be_named_so_nothing_can_be_clobbered() {
    let html = clean_and_judge(
        "<a id=location name=parent class=body href=https://a.example>x</a>\
         <form id=document><input name=cookie></form><img name=body id=getElementById src=cid:a>\
         <p is=x-y slot=s part=p exportparts=q itemid=r accesskey=a>y</p>",
    )
    .html;
    for name in [
        "id=",
        "name=",
        "class=",
        "is=",
        "slot=",
        "part=",
        "itemid",
        "accesskey",
    ] {
        assert!(!html.contains(name), "{name} in {html}");
    }
}

#[test]
fn nothing_is_laid_over_anything() {
    for style in [
        "position:fixed;top:0;left:0",
        "position:absolute!important",
        "position:sticky",
        "z-index:99999",
        "margin-top:-500px",
        "margin:0 0 0 -100%",
        "transform:translate(0,-500px)",
        "top:-500px",
        "inset:0",
        "cursor:none",
        "pointer-events:none",
        "height:100vh",
        "min-height:100dvh",
        "width:999999px",
        "clip-path:circle(0)",
        "mix-blend-mode:difference",
        "anchor-name:--a",
        "content:'x'",
    ] {
        let html = clean_and_judge(&format!(
            "<a href=https://a.example style=\"{style}\">x</a>"
        ))
        .html;
        assert!(!html.contains("style"), "{style} {html}");
    }
}

#[test]
fn the_words_of_a_mail_survive_whatever_stands_around_them() {
    for case in [
        "<svg>words</svg>",
        "<svg><p>words",
        "<math><mtext>words",
        "<object>words</object>",
        "<video>words</video>",
        "<noscript>words</noscript>",
        "<unknown-element>words</unknown-element>",
        "<o:p>words</o:p>",
        "<table>words</table>",
        "<table><tr>words</tr></table>",
        "<tr><td>words",
        "<select><option>words",
        "<button>words</button>",
        "<bdo dir=rtl>words</bdo>",
        "<details><summary>x</summary>words</details>",
        "<plaintext>words",
        "</p></div></table>words",
        "<head>words",
        "<frameset>words",
        "<caption>words",
        "<p hidden>words",
        "<dialog>words</dialog>",
    ] {
        let html = clean_and_judge(case).html;
        assert!(html.contains("words"), "{case} {html}");
    }
}

#[test]
fn office_conditionals_and_styles_vanish_without_a_trace_of_markup() {
    let html = clean_and_judge(
        "<!--[if gte mso 9]><xml><o:OfficeDocumentSettings/></xml><![endif]-->\
         <!--[if !mso]><!--><p>shown</p><!--<![endif]-->\
         <![if !supportLists]>bullet<![endif]>\
         <p class=MsoNormal style='mso-margin-top-alt:auto;margin:0cm;font-size:11.0pt;\
         font-family:\"Calibri\",sans-serif'>Hello<o:p></o:p></p>",
    )
    .html;
    assert_eq!(
        html,
        "<p>shown</p>bullet<p style=\"margin:0cm;font-size:11.0pt;font-family:&quot;Calibri&quot;,\
         sans-serif\">Hello</p>"
    );
}

#[test]
fn an_ordinary_newsletter_keeps_its_looks() {
    let result = clean_and_judge(
        "<html><head><title>N</title><style>.x{}</style></head>\
         <body bgcolor='#F4F4F4' style='margin:0'>\
         <table width='600' align='center' cellpadding='0' cellspacing='0' border='0' bgcolor=white>\
         <tr><td style='padding:20px 10px;background:#0a0 url(https://x.example/b.png) no-repeat'>\
         <h1 style='color:#333;font:bold 24px/1.2 Arial, sans-serif'>Hello</h1>\
         <a href='https://shop.example/?a=1&amp;b=2' style='display:inline-block;border-radius:4px'>Go</a>\
         </td></tr></table></body></html>",
    );
    assert!(result.has_own_colors);
    assert_eq!(
        result.html,
        "<div style=\"background-color:#f4f4f4;margin:0\">\
         <table align=\"center\" bgcolor=\"white\" border=\"0\" cellpadding=\"0\" cellspacing=\"0\" \
         width=\"600\"><tbody><tr><td style=\"padding:20px 10px;background-color:#0a0\">\
         <h1 style=\"color:#333;font:bold 24px/1.2 Arial, sans-serif\">Hello</h1>\
         <a href=\"https://shop.example/?a=1&amp;b=2\" rel=\"noopener noreferrer nofollow\" \
         style=\"display:inline-block;border-radius:4px\" target=\"_blank\">Go</a>\
         </td></tr></tbody></table></div>"
    );
}
