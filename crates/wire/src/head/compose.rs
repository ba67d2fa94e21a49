//! Heads composed rather than received: requests that came by HTTP/2, and the gateway's own answers.

use super::{Head, HeadView, Line, MAX_HEAD, MAX_LINES, Method, Span, Version};
use crate::field::{BadField, is_field_name, is_field_value};
use crate::write::{reason, write_status_line};

/// A head with its bytes, laid out as HTTP/1.1 would send it, so that all that reads or copies received heads
/// works on it as well. Reuse it: both buffers keep their capacity.
#[derive(Clone, Debug, Default)]
pub struct HeadBuf {
    bytes: Vec<u8>,
    head: Head,
}

impl HeadBuf {
    /// Starts a request, dropping what was there.
    ///
    /// # Errors
    /// [`BadField::Name`] if the method is no token, [`BadField::Value`] if the target is empty or holds bytes
    /// outside 0x21 to 0x7e or `#`, [`BadField::TooLarge`] if they do not fit.
    pub fn request(&mut self, method: &[u8], target: &[u8]) -> Result<(), BadField> {
        self.clear();
        if !is_field_name(method) {
            return Err(BadField::Name);
        }
        if target.is_empty() || !super::parse::is_target(target) {
            return Err(BadField::Value);
        }
        if method.len() + target.len() + 64 > MAX_HEAD {
            return Err(BadField::TooLarge);
        }
        for part in [method, b" ", target, b" HTTP/1.1\r\n"] {
            self.bytes.extend_from_slice(part);
        }
        let target_at = method.len() + 1;
        self.head.method = Method::of(method);
        self.head.method_at = Span::between(0, method.len());
        self.head.text = Span::between(target_at, target_at + target.len());
        Ok(())
    }

    /// Starts a response, dropping what was there. `status` should be 100 to 599.
    pub fn response(&mut self, status: u16) {
        self.clear();
        write_status_line(&mut self.bytes, status);
        self.head.status = status;
        let start = "HTTP/1.1 200 ".len();
        self.head.text = Span::between(start, start + reason(status).len());
    }

    /// Appends a field line.
    ///
    /// # Errors
    /// [`BadField`] if it would not be one line or does not fit; the head is as before.
    pub fn push(&mut self, name: &str, value: &[u8]) -> Result<(), BadField> {
        let name = name.as_bytes();
        if !is_field_name(name) {
            return Err(BadField::Name);
        }
        if !is_field_value(value) {
            return Err(BadField::Value);
        }
        if self.head.lines.len() >= MAX_LINES {
            return Err(BadField::TooMany);
        }
        let start = self.bytes.len();
        if start + name.len() + value.len() + 4 > MAX_HEAD {
            return Err(BadField::TooLarge);
        }
        for part in [name, b": ", value, b"\r\n"] {
            self.bytes.extend_from_slice(part);
        }
        let value_at = start + name.len() + 2;
        let name_span = Span::between(start, start + name.len());
        let value = Span::between(value_at, value_at + value.len());
        self.head.push_line(name, name_span, value, self.bytes.len());
        Ok(())
    }

    /// The head to read.
    #[must_use]
    pub fn view(&self) -> HeadView<'_> {
        HeadView::new(&self.bytes, &self.head)
    }

    /// The field lines as positions in [`HeadBuf::bytes`].
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        self.head.lines()
    }

    /// Start line and field lines as HTTP/1.1 sends them, without the blank line that ends a head.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives back the room that the head does not need: it is to be kept for long.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.head.lines.shrink_to_fit();
    }

    /// Bytes it takes beyond its own size.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.bytes.capacity() + self.head.lines.capacity() * size_of::<Line>()
    }

    /// Forgets the head; capacity stays.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.head.clear();
        self.head.method = Method::default();
        self.head.method_at = Span::default();
        self.head.text = Span::default();
        self.head.version = Version::Http11;
        self.head.status = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Known, Limits, Parsed, parse_request};

    #[test]
    fn what_is_composed_reads_as_if_it_had_been_received() {
        let mut composed = HeadBuf::default();
        composed.request(b"PURGE", b"/a?b=c").unwrap();
        composed.push("host", b"a.example").unwrap();
        composed.push("x_odd", b"").unwrap();
        composed.push("cookie", b"a=1").unwrap();
        composed.push("cookie", b"b=2").unwrap();
        let mut bytes = composed.bytes().to_vec();
        bytes.extend_from_slice(b"\r\n");
        let mut head = Head::default();
        let parsed = parse_request(&bytes, &mut head, &Limits::default()).unwrap();
        assert_eq!(parsed, Parsed::Complete(bytes.len()));
        let (a, b) = (composed.view(), head.view(&bytes));
        assert_eq!(a.lines().collect::<Vec<_>>(), b.lines().collect::<Vec<_>>());
        assert_eq!((a.method_bytes(), a.target()), (b.method_bytes(), b.target()));
        assert_eq!(composed.lines(), head.lines());
        assert!(a.has_odd_names());
        assert_eq!(a.count(Known::Cookie), 2);
    }

    #[test]
    fn refuses_what_would_not_be_one_line() {
        let mut head = HeadBuf::default();
        assert_eq!(head.request(b"GE T", b"/"), Err(BadField::Name));
        assert_eq!(head.request(b"GET", b"/a b"), Err(BadField::Value));
        assert_eq!(head.request(b"GET", b""), Err(BadField::Value));
        head.response(404);
        let before = head.bytes().to_vec();
        assert_eq!(head.push("a b", b""), Err(BadField::Name));
        assert_eq!(head.push("a", b"b\r\nc: d"), Err(BadField::Value));
        assert_eq!(head.push("a", &[b'x'; MAX_HEAD]), Err(BadField::TooLarge));
        assert_eq!(head.bytes(), before);
        for _ in 0..MAX_LINES {
            head.push("a", b"b").unwrap();
        }
        assert_eq!(head.push("a", b"b"), Err(BadField::TooMany));
        assert_eq!((head.view().status(), head.view().reason()), (404, &b"Not Found"[..]));
    }
}
