//! Many ranges of addresses, among which one is found quickly.

use std::net::IpAddr;

use sekisho_units::Cidr;

/// Ranges by their first and last addresses, the families apart; in each, sorted, and none touches another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ranges {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl Ranges {
    pub(super) fn of(list: &[Cidr]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in list {
            let length = u32::from(range.prefix_length());
            match range.network() {
                IpAddr::V4(first) => {
                    let first = first.to_bits();
                    v4.push((first, first | u32::MAX.checked_shr(length).unwrap_or(0)));
                }
                IpAddr::V6(first) => {
                    let first = first.to_bits();
                    v6.push((first, first | u128::MAX.checked_shr(length).unwrap_or(0)));
                }
            }
        }
        Self { v4: merged(v4, |last| last.checked_add(1)), v6: merged(v6, |last| last.checked_add(1)) }
    }

    /// Whether one of them holds `ip`. An IPv4-mapped IPv6 address is looked for as IPv4.
    #[inline]
    pub(super) fn contain(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => holds(&self.v4, ip.to_bits()),
            IpAddr::V6(ip) => holds(&self.v6, ip.to_bits()),
        }
    }
}

#[inline]
fn holds<T: Copy + Ord>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after.checked_sub(1).is_some_and(|at| address <= ranges[at].1)
}

/// Sorted, and those that overlap or touch made one. `next` gives what follows an address.
fn merged<T: Copy + Ord>(mut ranges: Vec<(T, T)>, next: impl Fn(T) -> Option<T>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    let mut out: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match out.last_mut() {
            // Nothing follows the last address of all, so it takes in whatever begins later.
            Some(before) if next(before.1).is_none_or(|next| first <= next) => before.1 = before.1.max(last),
            _ => out.push((first, last)),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranges(list: &[&str]) -> Ranges {
        Ranges::of(&list.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn what_overlaps_or_touches_becomes_one() {
        for (list, v4, v6) in [
            (&["10.0.0.0/9", "10.128.0.0/9"][..], 1, 0),
            (&["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"], 1, 0),
            (&["10.0.0.0/8", "12.0.0.0/8"], 2, 0),
            (&["0.0.0.0/0", "255.255.255.255"], 1, 0),
            (&["::/0", "::1", "::ffff:10.0.0.0/104"], 1, 1),
            (&["2001:db8::/33", "2001:db8:8000::/33"], 0, 1),
            (&[], 0, 0),
        ] {
            let ranges = ranges(list);
            assert_eq!((ranges.v4.len(), ranges.v6.len()), (v4, v6), "{list:?}");
        }
    }

    #[test]
    fn finds_an_address_among_its_neighbours_only() {
        let ranges =
            ranges(&["10.0.0.0/8", "192.0.2.7", "255.255.255.255", "0.0.0.0", "2001:db8::/32", "::/128"]);
        for (ip, want) in [
            ("9.255.255.255", false),
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("192.0.2.6", false),
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.2.8", false),
            ("255.255.255.255", true),
            ("0.0.0.0", true),
            ("0.0.0.1", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::", true),
            ("::1", false),
        ] {
            assert_eq!(ranges.contain(ip.parse().unwrap()), want, "{ip}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_asking_each_range(
            list in prop::collection::vec((any::<u16>(), 0_u8..=32), 0..40),
            asked in prop::collection::vec(any::<u32>(), 1..20),
        ) {
            // Few distinct high bits, so that ranges meet often.
            let list: Vec<Cidr> = list
                .into_iter()
                .map(|(bits, length)| {
                    let bits = u32::from(bits & 0xF0F) << 20;
                    let masked = bits & u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                    format!("{}/{length}", std::net::Ipv4Addr::from(masked)).parse().unwrap()
                })
                .collect();
            let ranges = Ranges::of(&list);
            for bits in asked.into_iter().chain(list.iter().filter_map(|range| match range.network() {
                IpAddr::V4(first) => Some(first.to_bits().wrapping_sub(1)),
                IpAddr::V6(_) => None,
            })) {
                let ip = IpAddr::V4(bits.into());
                prop_assert_eq!(ranges.contain(ip), list.iter().any(|range| range.contains(ip)), "{}", ip);
            }
        }
    }
}
