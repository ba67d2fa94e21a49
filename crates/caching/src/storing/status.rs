//! Which status codes may be stored (RFC 9111 §3, RFC 9110 §15.1).

/// Whether answers of that status may be stored if they say so: final ones, whole ones, and those that are an answer
/// by themselves.
pub(super) fn is_storable(status: u16) -> bool {
    (200..600).contains(&status) && !matches!(status, 206 | 304)
}

/// Whether nothing about the status is unknown here, as `must-understand` wants (RFC 9111 §5.2.2.3). Of 206 and 304 all
/// is known, but they are not stored by themselves.
pub(super) fn is_understood(status: u16) -> bool {
    matches!(
        status,
        200..=205 | 300..=303 | 305 | 307 | 308 | 400..=417 | 421 | 422 | 426 | 428 | 429 | 431 | 451 | 500..=505 | 511
    )
}

/// Whether answers of that status may be stored though nothing says so (RFC 9110 §15.1).
pub(crate) fn is_cacheable_by_default(status: u16) -> bool {
    matches!(status, 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}
