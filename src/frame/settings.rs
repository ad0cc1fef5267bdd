//! **SETTINGS** payload: Setting = Identifier (16), Value (32) (RFC 9113, section 6.5)
//!
//! Parameters of the sender as a receiver, processed in order, so the last value of an identifier holds. Identifiers
//! that nobody defined are kept; a receiver ignores them. Values out of range never become a [`Settings`].

use std::fmt;

use super::FrameError;

/// The parameters of one SETTINGS frame, each value in its range.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Settings<'a> {
    entries: &'a [[u8; Setting::LEN]],
}

impl<'a> Settings<'a> {
    /// Reads the payload of a SETTINGS frame without ACK.
    ///
    /// # Errors
    /// [`FrameError::SettingsLen`]; [`FrameError::SettingOutOfRange`] for the first such value.
    pub fn parse(payload: &'a [u8]) -> Result<Self, FrameError> {
        let (entries, []) = payload.as_chunks() else {
            return Err(FrameError::SettingsLen { len: payload.len() });
        };
        let settings = Self { entries };
        settings.iter().try_for_each(Setting::check)?;
        Ok(settings)
    }

    /// The parameters in the order they came, repeated ones included.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Setting> + use<'a> {
        self.entries.iter().map(Setting::parse)
    }

    /// The value that holds after the frame: the last one given.
    pub fn get(&self, id: SettingId) -> Option<u32> {
        self.iter().filter(|setting| setting.id == id).last().map(|setting| setting.value)
    }

    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the frame changes nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|setting| (setting.id, setting.value))).finish()
    }
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What it sets.
    pub id: SettingId,
    /// To what.
    pub value: u32,
}

impl Setting {
    const LEN: usize = 6;

    fn parse(octets: &[u8; Self::LEN]) -> Self {
        let [id_1, id_0, value @ ..] = *octets;
        Self {
            id: SettingId::from_number(u16::from_be_bytes([id_1, id_0])),
            value: u32::from_be_bytes(value),
        }
    }

    fn check(self) -> Result<(), FrameError> {
        let Self { id, value } = self;
        let in_range = match id {
            SettingId::EnablePush | SettingId::EnableConnectProtocol | SettingId::NoRfc7540Priorities => {
                value <= 1
            }
            SettingId::InitialWindowSize => value <= MAX_WINDOW_SIZE,
            SettingId::MaxFrameSize => (MIN_MAX_FRAME_SIZE..=MAX_MAX_FRAME_SIZE).contains(&value),
            _ => true,
        };
        if in_range { Ok(()) } else { Err(FrameError::SettingOutOfRange { id, value }) }
    }
}

/// `INITIAL_WINDOW_SIZE 65535`
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.value)
    }
}

/// What a parameter sets. Names are those of the RFCs without their `SETTINGS_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettingId {
    /// 0x1: octets of the largest HPACK table that the sender decodes with; 4,096 until set.
    HeaderTableSize,
    /// 0x2: 0 forbids PUSH_PROMISE; 1 until set.
    EnablePush,
    /// 0x3: streams that the receiver may have open; no limit until set.
    MaxConcurrentStreams,
    /// 0x4: window that each new stream begins with; 65,535 until set.
    InitialWindowSize,
    /// 0x5: largest payload that the sender takes, 2^14 to 2^24 - 1; 16,384 until set.
    MaxFrameSize,
    /// 0x6: advice on the largest field section, by its decoded size; no limit until set.
    MaxHeaderListSize,
    /// 0x8: extended CONNECT may be used (RFC 8441, section 3).
    EnableConnectProtocol,
    /// 0x9: the priorities of RFC 7540 are ignored (RFC 9218, section 2.1).
    NoRfc7540Priorities,
    /// An identifier that none of these RFCs defines.
    Unknown(u16),
}

impl SettingId {
    /// The identifier that a number on the wire stands for.
    pub const fn from_number(number: u16) -> Self {
        match number {
            0x1 => Self::HeaderTableSize,
            0x2 => Self::EnablePush,
            0x3 => Self::MaxConcurrentStreams,
            0x4 => Self::InitialWindowSize,
            0x5 => Self::MaxFrameSize,
            0x6 => Self::MaxHeaderListSize,
            0x8 => Self::EnableConnectProtocol,
            0x9 => Self::NoRfc7540Priorities,
            other => Self::Unknown(other),
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        match self {
            Self::HeaderTableSize => 0x1,
            Self::EnablePush => 0x2,
            Self::MaxConcurrentStreams => 0x3,
            Self::InitialWindowSize => 0x4,
            Self::MaxFrameSize => 0x5,
            Self::MaxHeaderListSize => 0x6,
            Self::EnableConnectProtocol => 0x8,
            Self::NoRfc7540Priorities => 0x9,
            Self::Unknown(number) => number,
        }
    }

    /// The name, `UNKNOWN` where no RFC gives one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HeaderTableSize => "HEADER_TABLE_SIZE",
            Self::EnablePush => "ENABLE_PUSH",
            Self::MaxConcurrentStreams => "MAX_CONCURRENT_STREAMS",
            Self::InitialWindowSize => "INITIAL_WINDOW_SIZE",
            Self::MaxFrameSize => "MAX_FRAME_SIZE",
            Self::MaxHeaderListSize => "MAX_HEADER_LIST_SIZE",
            Self::EnableConnectProtocol => "ENABLE_CONNECT_PROTOCOL",
            Self::NoRfc7540Priorities => "NO_RFC7540_PRIORITIES",
            Self::Unknown(_) => "UNKNOWN",
        }
    }
}

/// The name; an unknown identifier carries its number: `UNKNOWN(0xff00)`.
impl fmt::Display for SettingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "{}({number:#x})", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

/// RFC 9113, section 6.5.2, SETTINGS_INITIAL_WINDOW_SIZE: 2^31 - 1.
const MAX_WINDOW_SIZE: u32 = 0x7fff_ffff;
/// RFC 9113, section 6.5.2, SETTINGS_MAX_FRAME_SIZE: 2^14.
pub(super) const MIN_MAX_FRAME_SIZE: u32 = 0x4000;
/// RFC 9113, section 6.5.2, SETTINGS_MAX_FRAME_SIZE: 2^24 - 1.
pub(super) const MAX_MAX_FRAME_SIZE: u32 = 0xff_ffff;

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(settings: &[(u16, u32)]) -> Vec<u8> {
        let mut payload = Vec::new();
        for (id, value) in settings {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        payload
    }

    #[test]
    fn keeps_order_repeats_and_unknown_identifiers() {
        let payload = payload(&[(1, 4096), (0xff00, 7), (4, 1), (4, 65_535), (7, 9)]);
        let settings = Settings::parse(&payload).unwrap();
        let shown: Vec<String> = settings.iter().map(|setting| setting.to_string()).collect();
        let expected = [
            "HEADER_TABLE_SIZE 4096",
            "UNKNOWN(0xff00) 7",
            "INITIAL_WINDOW_SIZE 1",
            "INITIAL_WINDOW_SIZE 65535",
            "UNKNOWN(0x7) 9",
        ];
        assert_eq!(shown, expected);
        assert_eq!(settings.len(), 5);
        assert_eq!(settings.get(SettingId::InitialWindowSize), Some(65_535));
        assert_eq!(settings.get(SettingId::MaxFrameSize), None);
    }

    #[test]
    fn identifiers_keep_their_number_and_name() {
        for number in (0..0x20).chain([u16::MAX]) {
            assert_eq!(SettingId::from_number(number).number(), number);
        }
        assert_eq!(SettingId::from_number(8).name(), "ENABLE_CONNECT_PROTOCOL");
        assert_eq!(SettingId::from_number(9).name(), "NO_RFC7540_PRIORITIES");
    }

    #[test]
    fn takes_the_ends_of_each_range_and_nothing_beyond() {
        // (identifier, highest or lowest good value, first bad value)
        let cases = [
            (2, 1, 2),
            (4, 0x7fff_ffff, 0x8000_0000),
            (5, 16_384, 16_383),
            (5, 0xff_ffff, 0x100_0000),
            (8, 1, 2),
            (9, 1, 2),
        ];
        for (id, good, bad) in cases {
            assert!(Settings::parse(&payload(&[(id, good)])).is_ok(), "{id} {good}");
            let id_ = SettingId::from_number(id);
            let expected = FrameError::SettingOutOfRange { id: id_, value: bad };
            assert_eq!(Settings::parse(&payload(&[(id, bad)])), Err(expected));
        }
        for id in [1, 3, 6, 0xff00] {
            assert!(Settings::parse(&payload(&[(id, u32::MAX)])).is_ok(), "{id}");
        }
    }

    #[test]
    fn rejects_a_length_that_is_no_multiple_of_6() {
        for len in [1, 5, 7, 11] {
            assert_eq!(Settings::parse(&vec![0; len]), Err(FrameError::SettingsLen { len }));
        }
        assert!(Settings::parse(&[]).unwrap().is_empty());
    }
}
