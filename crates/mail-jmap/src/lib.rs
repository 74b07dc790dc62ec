//! JMAP (RFC 8620, 8621) as a source of mail.
