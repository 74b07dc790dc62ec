//! Mail bytes into parts, and mail HTML into something safe to show.
//!
//! Everything here is pure: bytes or text in, values out, no file, no network, no clock. Everything
//! that comes in is hostile: a sender decides every byte. So each function here has limits that
//! hold for any input, never panics, and says when it left something out instead of hiding it.
//!
//! What this crate refuses to do: fetch anything, unpack archives, decode TNEF, run or interpret
//! scripts, or keep anything it does not know. Elements, attributes, style properties and address
//! schemes are allowed by name; the rest is gone.

pub mod clean;
pub mod file_name;
pub mod frame;
pub mod launch;
mod markup;
pub mod parse;
pub mod picture;
pub mod preview;
pub mod text;

pub use clean::{CleanHtml, CleanOptions, ImagePolicy, ImageSource, Link};
pub use frame::{Document, Theme};
pub use launch::Launch;
pub use parse::{ParseError, ParsedMessage, ParsedPart};
