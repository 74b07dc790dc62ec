use super::*;

fn css(style: &str) -> String {
    filter(style).css
}

/// Each of these is refused whole.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    // Loading, in every function that can.
    "background-image:url(https://a.example/)", "background-image:url('https://a.example/')",
    "background-image:URL(https://a.example/)", "background-image:url( \"x\" )",
    "background:url(x)", "background:url()", "background:url(x", "background:url(\"x",
    "list-style:url(x)", "list-style-image:url(x)", "border-image:url(x)", "cursor:url(x),auto",
    "content:url(x)", "mask:url(x)", "filter:url(x#a)", "clip-path:url(#a)", "fill:url(x)",
    "src:url(x)", "behavior:url(x)", "-moz-binding:url(x)", "font:url(x)", "color:url(x)",
    "background:image-set('x' 1x)", "background:-webkit-image-set(url(x) 1x)",
    "background:image(x)", "background:element(#a)", "background:cross-fade(url(x),url(y))",
    "background:src('x')", "background:paint(x)", "width:attr(data-x)", "width:env(x)",
    "width:var(--x)", "color:var(--x,url(x))", "--x:url(x)", "--x:red", "width:if(style(--a):1px)",
    "width:expression(alert(1))", "width:EXPRESSION(1)", "background:-moz-element(#a)",
    "background:radial-gradient(red,blue)", "background:conic-gradient(red,blue)",
    "background-image:linear-gradient(red,blue)", "shape-outside:url(x)", "offset-path:url(x)",
    "background:linear-gradient(url(x),red)", "width:calc(1px + url(x))", "width:calc(var(--x))",
    "width:calc(attr(x))", "color:rgb(var(--a))", "color:color-mix(in srgb,red,blue)",
    "color:device-cmyk(0 0 0 0)", "color:light-dark(red,blue)", "width:counter(x)",
    "width:anchor-size(width)", "font-family:local(x)", "color:color(srgb 1 0 0)",
    // Escapes, comments and other ways to spell them.
    "background:\\75 rl(x)", "background:u\\72l(x)", "background:\\000075rl(x)",
    "background:u\\\nrl(x)", "c\\6flor:red", "color:r\\65 d", "color:\\red", "wid\\74h:1px",
    "background:u/**/rl(x)", "back/**/ground:red", "color:expression/**/(1)",
    "font-family:'\\27'", "font-family:\"a\\\"b\"", "color:red\\9", "color:\0red",
    "font-family:'a\0b'", "color:\u{fffd}", "color:\u{ff52}\u{ff45}\u{ff44}",
    "\u{ff55}rl:x", "color:e\u{300}xpression(1)",
    // Strings where none belong, and broken ones.
    "color:'red'", "width:\"1px\"", "font-family:'a;b'", "font-family:'a{b'", "font-family:'a<b'",
    "font-family:'a(b'", "font-family:'javascript:x'", "font-family:'a\nb'",
    "font-family:'https://a.example'",
    // Blocks, at-rules and signs.
    "color:{red}", "color:(red)", "color:[red]", "@import 'x'", "@import url(x)",
    "@font-face{src:url(x)}", "@media print{color:red}", "{color:red}", "}color:red",
    "color:red}", "color:<!--", "-->color:red", "color:red!ie", "color:!important",
    "color:red !important !important", "color:red important!", "color:@x", "color:#", "color:#ggg",
    "color:#12345", "color:#123456789", "color:%", "color:$x", "color:red|blue", "*color:red",
    "_color:red", "color=red", "color", ":red", "", ";", ";;;", ": :", "color::red",
    // Properties that lay one thing over another or take the pointer.
    "position:fixed", "position:absolute", "position:sticky", "position:relative", "top:0",
    "left:-9px", "inset:0", "z-index:1", "transform:scale(9)", "translate:1px", "scale:2",
    "rotate:9deg", "cursor:none", "pointer-events:none", "user-select:none", "content:'x'",
    "counter-reset:a", "filter:blur(1px)", "backdrop-filter:blur(1px)", "mask:none",
    "clip:rect(0,0,0,0)", "clip-path:none", "mix-blend-mode:screen", "animation:a 1s",
    "animation-name:a", "transition:all 1s", "will-change:top", "all:unset", "zoom:2",
    "unicode-bidi:bidi-override", "writing-mode:vertical-rl", "-webkit-text-security:disc",
    "-webkit-text-fill-color:red", "mso-hide:all", "columns:9", "column-count:9", "grid:none",
    "contain:strict", "scroll-behavior:smooth", "resize:both", "appearance:button",
    "caret-color:red", "quotes:'a' 'b'", "print-color-adjust:exact", "speak:none", "box-shadow:0 0",
    "text-shadow:0 0 red", "outline:9px solid red", "shape-margin:1px", "float:footnote",
    "display:contents", "display:flex", "display:grid", "display:run-in", "display:none none",
    "display:calc(1)", "overflow:clip visible x", "visibility:1", "direction:auto",
    // Numbers nobody needs.
    "margin:-1px", "margin-left:-100%", "padding:-0.5em", "text-indent:-9999px", "width:-1",
    "width:99999px", "height:1e9px", "font-size:100000pt", "width:1e400px", "height:100vh",
    "min-height:100dvh", "height:50svh", "width:100vw", "width:1vmin", "height:1lh", "width:1fr",
    "width:1dppx", "width:1s", "opacity:-1", "line-height:-1", "width:calc(-99999px)",
    "margin:calc(0px - 1px)", "margin-left:min(0px,1px - 9px)", "text-indent:calc(1px - 9px)",
    "width:calc(9px*9)", "height:calc(9px/0)", "vertical-align:calc(1px - 9px)", "width:red(1)",
    "padding:max(1px,2px)", "width:min(1px,99999px)", "letter-spacing:-99999px",
];

#[test]
fn what_is_not_known_is_refused() {
    assert!(REFUSED.len() >= 120, "{}", REFUSED.len());
    let kept: Vec<_> = REFUSED
        .iter()
        .map(|style| (style, css(style)))
        .filter(|(_, kept)| !kept.is_empty())
        .collect();
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn a_refused_declaration_takes_only_itself() {
    for style in REFUSED {
        // An unclosed bracket, string or comment rightly swallows what follows.
        let swallows = style.ends_with(['(', '"', 'x'])
            || style.contains(['{', '[', '}'])
            || *style == "color:(red)"
            || style.starts_with('@')
            || style.contains(['\n', ';']);
        let mixed = css(&format!("width:1px;{style};height:2px"));
        assert!(mixed.starts_with("width:1px"), "{style:?} {mixed}");
        if !swallows {
            assert!(mixed.ends_with("height:2px"), "{style:?} {mixed}");
        }
        for kept in mixed.split(';') {
            let known = ["width:1px", "height:2px"].contains(&kept);
            assert!(known, "{style:?} left {kept:?}");
        }
    }
}

#[test]
fn what_mails_need_is_kept() {
    for (style, expected) in [
        ("color:red", "color:red"),
        ("COLOR:Red", "color:Red"),
        ("color: #AbC ;", "color:#AbC"),
        ("color:#11223344", "color:#11223344"),
        ("color:rgb(1, 2, 3)", "color:rgb(1, 2, 3)"),
        ("color:rgba(1,2,3,.5)", "color:rgba(1,2,3,0.5)"),
        ("color:hsl(120deg 50% 50%)", "color:hsl(120deg 50% 50%)"),
        ("color:red!important", "color:red"),
        ("color:red ! important", "color:red"),
        ("color:red/*x*/", "color:red"),
        ("width:100%;max-width:600px", "width:100%;max-width:600px"),
        ("margin:0 auto", "margin:0 auto"),
        ("padding:1px 2px 3pt 4em", "padding:1px 2px 3pt 4em"),
        ("border:1px solid #ccc", "border:1px solid #ccc"),
        ("border-top-left-radius:4px", "border-top-left-radius:4px"),
        ("border-left-color:red", "border-left-color:red"),
        ("border-radius:4px/2px", "border-radius:4px/2px"),
        ("border-collapse:collapse", "border-collapse:collapse"),
        (
            "font:italic bold 12px/1.5 Arial,sans-serif",
            "font:italic bold 12px/1.5 Arial,sans-serif",
        ),
        (
            "font-family:'Segoe UI',Arial",
            "font-family:\"Segoe UI\",Arial",
        ),
        ("font-family:'unclosed", "font-family:\"unclosed\""),
        ("font-family:メイリオ", "font-family:メイリオ"),
        ("letter-spacing:-0.5px", "letter-spacing:-0.5px"),
        ("line-height:1.4", "line-height:1.4"),
        ("display:inline-block", "display:inline-block"),
        ("display:none", "display:none"),
        ("width:calc(100% - 20px)", "width:calc(100% - 20px)"),
        ("width:min(100%,600px)", "width:min(100%,600px)"),
        (
            "text-align:center;vertical-align:top",
            "text-align:center;vertical-align:top",
        ),
        ("text-decoration:underline", "text-decoration:underline"),
        ("white-space:pre-wrap", "white-space:pre-wrap"),
        ("background:#fff", "background:#fff"),
        (
            "background:linear-gradient(red,#00f)",
            "background:linear-gradient(red,#00f)",
        ),
        ("float:left;clear:both", "float:left;clear:both"),
        ("opacity:.5", "opacity:0.5"),
        ("list-style:none", "list-style:none"),
        ("table-layout:fixed", "table-layout:fixed"),
    ] {
        assert_eq!(css(style), expected, "{style:?}");
        assert_eq!(css(&css(style)), css(style), "{style:?}");
    }
}

#[test]
fn a_background_with_a_picture_keeps_its_colour() {
    for (style, expected) in [
        ("background:url(x) #000", "background-color:#000"),
        (
            "background:#000 url(x) no-repeat center/cover",
            "background-color:#000",
        ),
        ("background:navy url('x')", "background-color:navy"),
        (
            "background:rgb(1,2,3) url(x)",
            "background-color:rgb(1,2,3)",
        ),
        ("background:url(x) no-repeat", ""),
        ("background:image-set('x' 1x) red", "background-color:red"),
        ("background:\\75 rl(x) red", ""),
    ] {
        assert_eq!(css(style), expected, "{style:?}");
    }
}

#[test]
fn colours_of_its_own_are_told() {
    for style in [
        "color:red",
        "background:#fff",
        "background-color:hsl(1,2%,3%)",
        "background:url(x) red",
    ] {
        assert!(filter(style).sets_colors, "{style}");
    }
    for style in [
        "color:inherit",
        "background:none",
        "background-color:transparent",
        "border:1px solid red",
    ] {
        assert!(!filter(style).sets_colors, "{style}");
    }
}

#[test]
fn only_so_many_declarations_are_read() {
    let kept = css(&"width:1px;".repeat(1_000));
    assert_eq!(kept.split(';').count(), MAX_DECLARATIONS);
}
