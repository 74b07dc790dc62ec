//! Style declarations: allowed by property and by each token of the value.
//!
//! What is kept is written anew from its tokens, so no escape, comment or unclosed bracket of the
//! input is in the output. A declaration with anything unknown is dropped whole. Only `style`
//! attributes come here; style sheets are not kept at all.

use cssparser::{BasicParseError, Delimiter, ParseError, Parser, ToCss, Token};

/// The deepest nesting of functions in a value.
const MAX_DEPTH: u8 = 6;
/// The most declarations of one attribute.
const MAX_DECLARATIONS: usize = 128;
/// The largest number: a page no screen has, yet small enough to lay out.
const MAX_NUMBER: f32 = 10_000.0;

/// Declarations that are safe, and what they do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Style {
    /// The declarations, ready for an attribute once escaped.
    pub(crate) css: String,
    /// Whether a text or background colour is set.
    pub(crate) sets_colors: bool,
}

/// How a property's value is judged beyond its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Lengths, colours and key words; nothing negative.
    Plain,
    /// As `Plain`, and negative numbers too.
    Signed,
    /// As `Plain`, and sums: what comes out below zero counts as zero there, so a sum cannot be
    /// used to move a box over another.
    Size,
    /// A colour that counts as the mail's own.
    Color,
    /// `background`: colours and gradients; a picture is left out and the colour kept.
    Background,
    /// Names of fonts: strings are allowed.
    Font,
    /// One of these words and nothing else.
    Words(&'static [&'static str]),
}

const DISPLAY: &[&str] = &[
    "block",
    "inline",
    "inline-block",
    "inline-table",
    "list-item",
    "none",
    "table",
    "table-caption",
    "table-cell",
    "table-column",
    "table-column-group",
    "table-footer-group",
    "table-header-group",
    "table-row",
    "table-row-group",
];

/// The rule of a property, `None` where it is not allowed.
fn rule(property: &str) -> Option<Rule> {
    Some(match property {
        "color" | "background-color" => Rule::Color,
        "background" => Rule::Background,
        "font" | "font-family" => Rule::Font,
        "letter-spacing" | "word-spacing" => Rule::Signed,
        "display" => Rule::Words(DISPLAY),
        "overflow" | "overflow-x" | "overflow-y" => {
            Rule::Words(&["auto", "hidden", "scroll", "visible"])
        }
        "float" => Rule::Words(&["left", "none", "right"]),
        "clear" => Rule::Words(&["both", "left", "none", "right"]),
        "visibility" => Rule::Words(&["collapse", "hidden", "visible"]),
        "direction" => Rule::Words(&["ltr", "rtl"]),
        "white-space" => Rule::Words(&["normal", "nowrap", "pre", "pre-line", "pre-wrap"]),
        "box-sizing" => Rule::Words(&["border-box", "content-box"]),
        "font-size" | "line-height" => Rule::Size,
        "font-style" | "font-weight" | "font-variant" | "font-stretch" | "opacity" => Rule::Plain,
        "text-align"
        | "text-decoration"
        | "text-decoration-color"
        | "text-decoration-line"
        | "text-decoration-style"
        | "text-indent"
        | "text-overflow"
        | "text-transform"
        | "vertical-align"
        | "word-break"
        | "word-wrap"
        | "overflow-wrap"
        | "hyphens" => Rule::Plain,
        "width" | "height" | "min-width" | "min-height" | "max-width" | "max-height" => Rule::Size,
        "list-style"
        | "list-style-type"
        | "list-style-position"
        | "table-layout"
        | "caption-side"
        | "empty-cells" => Rule::Plain,
        _ if is_box_property(property) => Rule::Plain,
        _ => return None,
    })
}

/// Margins, padding and borders, by side and by aspect.
fn is_box_property(property: &str) -> bool {
    const SIDES: &[&str] = &["", "-top", "-right", "-bottom", "-left"];
    if let Some(side) = property
        .strip_prefix("margin")
        .or_else(|| property.strip_prefix("padding"))
    {
        return SIDES.contains(&side);
    }
    let Some(rest) = property.strip_prefix("border") else {
        return false;
    };
    if matches!(
        rest,
        "-collapse"
            | "-spacing"
            | "-radius"
            | "-top-left-radius"
            | "-top-right-radius"
            | "-bottom-left-radius"
            | "-bottom-right-radius"
    ) {
        return true;
    }
    let rest = ["-color", "-style", "-width"]
        .iter()
        .find_map(|aspect| rest.strip_suffix(aspect))
        .unwrap_or(rest);
    SIDES.contains(&rest)
}

/// Keeps what is allowed of a `style` attribute.
pub(crate) fn filter(style: &str) -> Style {
    let mut out = Style::default();
    let mut parser = Parser::new(style);
    let mut left = MAX_DECLARATIONS;
    while left > 0 && !parser.is_exhausted() {
        left -= 1;
        // An error is one declaration that is not kept; the next begins after its semicolon.
        let kept = parser.parse_until_after(Delimiter::Semicolon, |p| declaration(p));
        if let Ok(kept) = kept {
            if !out.css.is_empty() {
                out.css.push(';');
            }
            out.css.push_str(&kept.css);
            out.sets_colors |= kept.sets_colors;
        }
    }
    out
}

fn declaration(parser: &mut Parser<'_>) -> Result<Style, ParseError<()>> {
    let start = parser.position();
    let property = parser.expect_ident_cloned()?.to_ascii_lowercase();
    let rule = rule(&property).ok_or_else(refused)?;
    parser.expect_colon()?;
    let mut value = Value {
        rule,
        css: String::new(),
        color: None,
        space: false,
    };
    let read = value.read(parser, 0);
    if parser.slice_from(start).contains(['\\', '\0']) {
        return Err(refused());
    }
    let background_color = value.color.take().filter(|_| rule == Rule::Background);
    match (read, background_color) {
        (Ok(()), _) if !value.css.is_empty() => {
            let sets_colors =
                matches!(rule, Rule::Color | Rule::Background) && !is_no_color(&value.css);
            Ok(Style {
                css: format!("{property}:{}", value.css),
                sets_colors,
            })
        }
        // A picture in the background is not shown; the colour under it is, or light text would
        // stand on white.
        (Err(_), Some(color)) => Ok(Style {
            sets_colors: !is_no_color(&color),
            css: format!("background-color:{color}"),
        }),
        _ => Err(refused()),
    }
}

fn is_no_color(value: &str) -> bool {
    [
        "currentcolor",
        "inherit",
        "initial",
        "none",
        "revert",
        "transparent",
        "unset",
    ]
    .iter()
    .any(|word| value.eq_ignore_ascii_case(word))
}

fn refused() -> ParseError<()> {
    BasicParseError::unexpected_token().into()
}

/// A value while it is read.
struct Value {
    rule: Rule,
    css: String,
    /// The first colour at the top of the value.
    color: Option<String>,
    /// White space came since the last token.
    space: bool,
}

impl Value {
    fn read(&mut self, parser: &mut Parser<'_>, depth: u8) -> Result<(), ParseError<()>> {
        let mut result = Ok(());
        loop {
            let token = match parser.next_including_whitespace() {
                Ok(token) => token.clone(),
                Err(_) => return result,
            };
            let step = self.token(&token, parser, depth);
            if step.is_err() {
                result = step;
                // A background is read on for its colour, anything else is lost.
                if self.rule != Rule::Background || depth > 0 {
                    return result;
                }
            }
        }
    }

    fn token(
        &mut self,
        token: &Token<'_>,
        parser: &mut Parser<'_>,
        depth: u8,
    ) -> Result<(), ParseError<()>> {
        match token {
            Token::WhiteSpace(_) => {
                self.space = true;
                return Ok(());
            }
            Token::Delim('!') if depth == 0 => {
                // Nothing in a mail is more important than the frame's own style.
                parser.expect_ident_matching("important")?;
                return Ok(parser.expect_exhausted()?);
            }
            Token::Function(name) => {
                let name = name.to_ascii_lowercase();
                return self.function(&name, parser, depth);
            }
            Token::Ident(word) => self.check_word(word, depth)?,
            Token::Hash(hex) | Token::IDHash(hex) => check_hex(hex)?,
            Token::QuotedString(text) => self.check_string(text)?,
            Token::Number { value, .. } => self.check_number(*value)?,
            Token::Percentage { unit_value, .. } => self.check_number(*unit_value * 100.0)?,
            Token::Dimension { value, unit, .. } => {
                self.check_number(*value)?;
                check_unit(unit)?;
            }
            Token::Comma => {}
            Token::Delim('/') if !matches!(self.rule, Rule::Words(_) | Rule::Size) => {}
            // No products: they would pass the limit on numbers.
            Token::Delim('+' | '-') if depth > 0 => {}
            _ => return Err(refused()),
        }
        let mut text = String::new();
        token.to_css(&mut text).map_err(|_| refused())?;
        if depth == 0 && self.color.is_none() && is_color(token) {
            self.color = Some(text.clone());
        }
        self.push(&text);
        Ok(())
    }

    fn function(
        &mut self,
        name: &str,
        parser: &mut Parser<'_>,
        depth: u8,
    ) -> Result<(), ParseError<()>> {
        let is_color = matches!(name, "rgb" | "rgba" | "hsl" | "hsla");
        let allowed = match self.rule {
            Rule::Words(_) | Rule::Font => false,
            Rule::Background => is_color || name == "linear-gradient",
            Rule::Color => is_color,
            Rule::Plain | Rule::Signed => is_color,
            Rule::Size => matches!(name, "calc" | "min" | "max" | "clamp"),
        };
        if !allowed || depth >= MAX_DEPTH {
            return Err(refused());
        }
        let mut inner = Value {
            rule: self.rule,
            css: String::new(),
            color: None,
            space: false,
        };
        parser.parse_nested_block(|p| inner.read(p, depth + 1))?;
        let text = format!("{name}({})", inner.css);
        if depth == 0 && is_color && self.color.is_none() {
            self.color = Some(text.clone());
        }
        self.push(&text);
        Ok(())
    }

    fn push(&mut self, text: &str) {
        if self.space && !self.css.is_empty() {
            self.css.push(' ');
        }
        self.space = false;
        self.css.push_str(text);
    }

    fn check_word(&self, word: &str, depth: u8) -> Result<(), ParseError<()>> {
        let known_shape = word.len() <= 64
            && !word.starts_with("--")
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_' || is_font_letter(c));
        let fits = match self.rule {
            Rule::Words(words) => {
                depth == 0
                    && self.css.is_empty()
                    && words.iter().any(|known| word.eq_ignore_ascii_case(known))
            }
            Rule::Font => true,
            _ => word.is_ascii(),
        };
        if known_shape && fits {
            Ok(())
        } else {
            Err(refused())
        }
    }

    fn check_string(&self, text: &str) -> Result<(), ParseError<()>> {
        let is_font_name = self.rule == Rule::Font
            && text.len() <= 128
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || " -_.".contains(c) || is_font_letter(c));
        if is_font_name { Ok(()) } else { Err(refused()) }
    }

    fn check_number(&self, value: f32) -> Result<(), ParseError<()>> {
        let negative_fits = value >= 0.0 || self.rule == Rule::Signed;
        let fits = !matches!(self.rule, Rule::Words(_))
            && value.is_finite()
            && value.abs() <= MAX_NUMBER
            && negative_fits;
        if fits { Ok(()) } else { Err(refused()) }
    }
}

/// Letters of other scripts, for the names fonts have there.
fn is_font_letter(c: char) -> bool {
    !c.is_ascii() && c.is_alphanumeric()
}

fn is_color(token: &Token<'_>) -> bool {
    match token {
        Token::Hash(_) | Token::IDHash(_) => true,
        Token::Ident(word) => cssparser::color::parse_named_color(word).is_ok(),
        _ => false,
    }
}

fn check_hex(hex: &str) -> Result<(), ParseError<()>> {
    let is_color = matches!(hex.len(), 3 | 4 | 6 | 8) && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if is_color { Ok(()) } else { Err(refused()) }
}

/// Lengths that do not depend on the frame's height: the frame grows with its content, so such a
/// length would never come to rest.
fn check_unit(unit: &str) -> Result<(), ParseError<()>> {
    const UNITS: &[&str] = &[
        "px", "pt", "pc", "in", "cm", "mm", "q", "em", "rem", "ex", "ch", "deg", "turn",
    ];
    if UNITS.iter().any(|known| unit.eq_ignore_ascii_case(known)) {
        Ok(())
    } else {
        Err(refused())
    }
}

#[cfg(test)]
mod tests;
