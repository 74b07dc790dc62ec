//! The end of the process, while connections may still be at work on threads of their own.
//!
//! SQLCipher asks the C library to be called when the process ends, and then frees what every
//! connection encrypts with. A connection that closes at that moment, as one does whose store was
//! dropped a moment ago, reads freed memory: the process ends in a crash although all it had to do
//! was done. Nothing has to be freed then, and committed work is in the files, so the process is
//! ended before SQLCipher is called.

use std::ffi::{c_int, c_void};

#[expect(unsafe_code, reason = "glibc's call of this name has no safe wrapper")]
unsafe extern "C" {
    /// on_exit(3): like `atexit`, and the callee is told the exit status.
    fn on_exit(callee: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
}

/// Runs after Rust has flushed its own output and before every callee that registered earlier.
extern "C" fn end(status: c_int, _: *mut c_void) {
    #[expect(unsafe_code, reason = "ends the process without calling anybody")]
    // SAFETY: `_exit` takes any status and does not return, so nothing is used after it.
    unsafe {
        libc::_exit(status)
    }
}

/// From now on the process ends without taking its libraries apart. Called once, after SQLCipher
/// has registered itself: callees run in reverse order. Where the C library has no room to
/// remember the callee, the process ends as it would have.
pub(crate) fn skip_teardown() {
    #[expect(unsafe_code, reason = "glibc's call of this name has no safe wrapper")]
    // SAFETY: `end` has the signature on_exit(3) asks for, lives as long as the process, and does
    // not use its argument.
    let _full = unsafe { on_exit(end, std::ptr::null_mut()) };
}
