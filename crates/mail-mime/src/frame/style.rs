//! The style of both documents. A mail's own declarations stand in attributes and so win over
//! these, except where something must never break out of the frame.

pub(super) const SHIM: &str =
    "html,body{margin:0;overflow:hidden}iframe{display:block;width:100%;height:0;border:0}";

pub(super) const LIGHT: &str = "html{background:#fff;color:#1d1c1a;color-scheme:light}\
    a{color:#2f5fe0}blockquote{border-color:#d9d6d0;color:#5c5954}hr{border-color:#e3e0da}";

pub(super) const DARK: &str = "html{background:#1f1f22;color:#ecebe8;color-scheme:dark}\
    a{color:#6d93ff}blockquote{border-color:#45454b;color:#b4b1ab}hr{border-color:#3a3a40}";

/// The page grows with its content and never scrolls down by itself; what is too wide scrolls
/// sideways inside of it.
pub(super) const MAIL: &str = "html{overflow:hidden;height:auto;\
    font:14px/1.6 system-ui,-apple-system,\"Segoe UI\",Cantarell,Ubuntu,sans-serif;\
    -webkit-text-size-adjust:100%}\
    body{margin:0;padding:2px 0;display:flow-root;overflow-x:auto;overflow-y:hidden;\
    overflow-wrap:anywhere;word-break:normal}\
    img{max-width:100%!important;height:auto}\
    img[width][height]{height:auto}\
    table{max-width:100%}\
    td,th{overflow-wrap:break-word}\
    pre{white-space:pre-wrap;font-family:ui-monospace,\"DejaVu Sans Mono\",monospace;font-size:13px}\
    p{margin:0 0 1em}p:last-child{margin-bottom:0}\
    blockquote{margin:4px 0;padding:0 0 0 12px;border:0 solid;border-inline-start-width:2px}\
    hr{border:0;border-top-width:1px;border-top-style:solid;margin:16px 0}\
    .plain{white-space:pre-wrap;unicode-bidi:plaintext}\
    .plain blockquote{margin:2px 0}";
