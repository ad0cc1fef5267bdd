//! **Priority fields**: Exclusive (1), Stream Dependency (31), Weight (8) (RFC 9113, sections 6.2 and 6.3)
//!
//! Deprecated since RFC 9113, and still sent; a receiver ignores them.

/// What PRIORITY says, and HEADERS with the PRIORITY flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    /// Whether the stream comes between its parent and the parent's other children.
    pub exclusive: bool,
    /// The parent; 0 is the root.
    pub dependency: u32,
    /// 1 to 256: one more than the octet on the wire.
    pub weight: u16,
}

impl Priority {
    pub(super) fn parse(octets: &[u8; 5]) -> Self {
        let [dependency @ .., weight] = *octets;
        let dependency = u32::from_be_bytes(dependency);
        Self {
            exclusive: dependency & EXCLUSIVE != 0,
            dependency: dependency & !EXCLUSIVE,
            weight: u16::from(weight) + 1,
        }
    }
}

const EXCLUSIVE: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bit_and_the_last_octet_are_not_the_dependency() {
        let cases = [
            ([0, 0, 0, 0, 0], Priority { exclusive: false, dependency: 0, weight: 1 }),
            ([0x80, 0, 0, 3, 15], Priority { exclusive: true, dependency: 3, weight: 16 }),
            (
                [0x7f, 0xff, 0xff, 0xff, 255],
                Priority { exclusive: false, dependency: 0x7fff_ffff, weight: 256 },
            ),
        ];
        for (octets, priority) in cases {
            assert_eq!(Priority::parse(&octets), priority);
        }
    }
}
