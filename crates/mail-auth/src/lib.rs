//! Sign-in, sessions and the vault.
//!
//! Owns the conversation with the organisation's login service (Authress): opening a login,
//! taking the browser's answer on a loopback address, exchanging and verifying, renewing,
//! signing out; and where what comes of it is kept: an account key in the system's keyring, and
//! cookies and tokens in a file sealed with it.
//!
//! Refuses to open a browser, to show anything but the few words in the browser's own tab, to
//! know about mail, and to hold more than one account in any one value: each attempt and each
//! account has its own HTTP client and cookie jar. Secrets have no `Debug` and no `Serialize`
//! and reach neither log nor error.

mod anti_abuse;
mod authress;
pub mod callback;
mod clock;
mod credentials;
mod http;
mod jar;
mod keys;
mod loopback;
mod page;
mod pkce;
mod sealed_file;
pub mod session;
mod sign_in;
mod steps;
mod tenant;
pub mod vault;
mod verify;

pub use authress::{
    AuthressClient, AuthressError, ConnectionIdentity, Device, LinkedIdentity, LoginRequest,
    Profile, Refusal,
};
pub use clock::{Clock, SystemClock};
pub use credentials::{Credentials, SignedIn, VerifiedIdentity};
pub use http::NetworkError;
pub use keys::{AccountKey, KeyPurpose, NoRandomBytes};
pub use loopback::NoFreePort;
pub use sealed_file::{SealedFile, SealedFileError};
pub use session::{
    ConnectionTokenSource, LinkAnswer, NeedsSignIn, Session, SessionDetails, SessionError,
    SessionParts, SessionState, SettingsPage, SignOutReport, TokenAudience, VaultProblem,
};
pub use sign_in::{LinkReturn, SignIn, SignInError, SignInParts};
pub use tenant::{Connection, REDIRECT_PATH, TenantConfig, TenantError};
pub use vault::{KeyringVault, MemoryVault, Vault, VaultError};
pub use verify::{AccessClaims, Flaw, TokenVerifier, VerifyError};
