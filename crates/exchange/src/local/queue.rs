//! How much a socket still has to send: what neither the standard library nor any crate that is here tells by a safe call.

use std::ffi::c_int;
use std::os::fd::AsFd;

/// `SIOCOUTQ` (tcp(7)), where it has the number that Linux gave it first.
#[cfg(not(any(
    target_arch = "mips",
    target_arch = "mips64",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "sparc64"
)))]
const OUTQ: u32 = 0x5411;

/// Bytes of a TCP socket that the other side has not confirmed yet, sent or not. `None` where the system does not say.
#[cfg(not(any(
    target_arch = "mips",
    target_arch = "mips64",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "sparc64"
)))]
#[allow(unsafe_code, reason = "the kernel tells this by `ioctl` only, which no safe call that is here wraps")]
pub(super) fn length(socket: impl AsFd) -> Option<u32> {
    use rustix::ioctl::{Getter, ioctl};
    // SAFETY: `SIOCOUTQ` writes one `int` to its argument, which is what this getter has room for; on what is no TCP socket it
    // fails, or tells of another queue, and writes no more either.
    let length = unsafe { ioctl(socket, Getter::<{ OUTQ }, c_int>::new()) };
    length.ok().and_then(|length| u32::try_from(length).ok())
}

/// Elsewhere nobody says.
#[cfg(any(
    target_arch = "mips",
    target_arch = "mips64",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "sparc64"
))]
pub(super) fn length(_: impl AsFd) -> Option<u32> {
    None
}
