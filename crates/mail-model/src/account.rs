//! What a person sees of an account, and the addresses it sends from.

use serde::{Deserialize, Serialize};

use crate::IdentityId;

/// A From address an account may send with (JMAP `Identity`, RFC 8621 section 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The server's id.
    pub id: IdentityId,
    /// The name shown to recipients.
    pub name: String,
    /// The address.
    pub email: String,
}

/// One of the ten account colours. The page holds the shades; both themes pass 4.5:1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum AccountColor {
    Ocean,
    Rust,
    Teal,
    Plum,
    Amber,
    Rose,
    Moss,
    Indigo,
    Slate,
    Cocoa,
}

impl AccountColor {
    /// All colours, in an order in which neighbours are far apart.
    pub const ALL: [Self; 10] = [
        Self::Ocean,
        Self::Rust,
        Self::Teal,
        Self::Plum,
        Self::Amber,
        Self::Rose,
        Self::Moss,
        Self::Indigo,
        Self::Slate,
        Self::Cocoa,
    ];

    /// The first colour that is not in use, or the first that is used least.
    #[must_use]
    pub fn pick(used: &[Self]) -> Self {
        let uses = |color: &Self| used.iter().filter(|u| *u == color).count();
        Self::ALL
            .into_iter()
            .min_by_key(uses)
            .unwrap_or(Self::Ocean)
    }

    /// The colour's name, lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ocean => "ocean",
            Self::Rust => "rust",
            Self::Teal => "teal",
            Self::Plum => "plum",
            Self::Amber => "amber",
            Self::Rose => "rose",
            Self::Moss => "moss",
            Self::Indigo => "indigo",
            Self::Slate => "slate",
            Self::Cocoa => "cocoa",
        }
    }

    /// The colour of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|color| color.as_str() == name)
    }
}

/// The one or two letters on an account's tile.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountLetter(String);

impl AccountLetter {
    /// The first letter of a name, upper case; `?` when the name has none.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let letter = name.chars().find(|c| c.is_alphanumeric());
        Self(letter.map_or_else(|| "?".into(), |c| c.to_uppercase().collect()))
    }

    /// The text on the tile.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_accounts_get_unused_colours_first() {
        assert_eq!(AccountColor::pick(&[]), AccountColor::Ocean);
        assert_eq!(
            AccountColor::pick(&[AccountColor::Ocean]),
            AccountColor::Rust
        );
        assert_eq!(AccountColor::pick(&AccountColor::ALL), AccountColor::Ocean);
    }

    #[test]
    fn a_letter_comes_from_any_script() {
        assert_eq!(AccountLetter::of("«émile").as_str(), "É");
        assert_eq!(AccountLetter::of("合唱").as_str(), "合");
        assert_eq!(AccountLetter::of("…").as_str(), "?");
    }
}
