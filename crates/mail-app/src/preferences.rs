//! What the window remembers: a small file without mail and without secrets.

use std::path::PathBuf;

use tokio::sync::watch;

use crate::contract::PreferencesView;
use crate::paths::write_atomically;

/// The window's memory.
pub(crate) struct Preferences {
    file: PathBuf,
    current: watch::Sender<PreferencesView>,
}

impl Preferences {
    /// Reads the file. One that cannot be read counts as new: it holds only looks.
    pub(crate) fn load(file: PathBuf) -> Self {
        let read =
            std::fs::read(&file)
                .ok()
                .and_then(|bytes| match serde_json::from_slice(&bytes) {
                    Ok(preferences) => Some(preferences),
                    Err(error) => {
                        tracing::warn!(%error, "preferences are not readable and begin anew");
                        None
                    }
                });
        Self {
            file,
            current: watch::Sender::new(read.unwrap_or_default()),
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<PreferencesView> {
        self.current.subscribe()
    }

    /// Takes new preferences at once and writes them; what cannot be written lasts until the end.
    pub(crate) fn set(&self, preferences: PreferencesView) {
        match serde_json::to_vec_pretty(&preferences) {
            Ok(bytes) => {
                if let Err(error) = write_atomically(&self.file, &bytes) {
                    tracing::warn!(%error, "preferences could not be written");
                }
            }
            Err(error) => tracing::warn!(%error, "preferences could not be written"),
        }
        self.current.send_replace(preferences);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Theme;

    #[test]
    fn preferences_are_remembered_and_a_broken_file_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("preferences.json");
        let dark = PreferencesView {
            theme: Theme::Dark,
            ..PreferencesView::default()
        };
        Preferences::load(file.clone()).set(dark.clone());
        assert_eq!(*Preferences::load(file.clone()).watch().borrow(), dark);
        std::fs::write(&file, "{").unwrap();
        assert_eq!(
            *Preferences::load(file).watch().borrow(),
            PreferencesView::default()
        );
    }
}
