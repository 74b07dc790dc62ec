//! Looking over an account's shoulder while it sends, for a person who wants to see that nothing
//! of another account goes along.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// One request as it leaves. Not printable and not to be kept: it holds what proves the person.
pub struct SentRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// Name or address of the host, without a port.
    pub host: &'a str,
    /// The whole address.
    pub url: &'a str,
    /// The `Authorization` header.
    pub authorization: Option<&'a [u8]>,
    /// The `Cookie` header.
    pub cookies: Option<&'a [u8]>,
    /// The body, uncompressed.
    pub body: &'a [u8],
}

/// Sees every request of one account before it is sent.
pub trait RequestObserver: Send + Sync {
    /// Called on the task that sends: it has to be quick, and keeps nothing of what it is shown
    /// but digests and counts.
    fn sent(&self, request: &SentRequest<'_>);
}

/// Who looks, if anybody does. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Observing(Arc<RwLock<Option<Arc<dyn RequestObserver>>>>);

impl Observing {
    pub(crate) fn set(&self, observer: Option<Arc<dyn RequestObserver>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = observer;
    }

    pub(crate) fn get(&self) -> Option<Arc<dyn RequestObserver>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl fmt::Debug for Observing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observing")
    }
}
