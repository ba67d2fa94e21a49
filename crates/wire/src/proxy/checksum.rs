//! CRC-32C (Castagnoli; RFC 3720 §12.1, appendix B.4), a byte at a time: headers are short and come once a connection.

/// A sum in the making.
#[derive(Clone, Copy)]
pub(super) struct Crc32c(u32);

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut rest = i as u32;
        let mut bit = 0;
        while bit < 8 {
            rest = if rest & 1 == 0 { rest >> 1 } else { rest >> 1 ^ 0x82f6_3b78 };
            bit += 1;
        }
        table[i] = rest;
        i += 1;
    }
    table
}

impl Crc32c {
    pub(super) fn new() -> Self {
        Self(!0)
    }

    pub(super) fn add(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |rest, b| rest >> 8 ^ TABLE[usize::from(rest as u8 ^ b)]))
    }

    pub(super) fn value(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Crc32c;

    #[test]
    fn sums_the_standards_own_examples() {
        let rising: Vec<u8> = (0..32).collect();
        for (bytes, want) in [
            (&b""[..], 0),
            (b"123456789", 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&rising, 0x46dd_794e),
        ] {
            assert_eq!(Crc32c::new().add(bytes).value(), want, "{bytes:?}");
        }
        assert_eq!(Crc32c::new().add(b"1234").add(b"56789").value(), 0xe306_9283);
    }
}
