//! How long a recording is, where its own header says so.

/// The whole seconds, begun ones too, of a recording in WAV (RIFF, "Multimedia Programming Interface", 1991); `None` if it is
/// another format. What the header claims is held against what is there.
#[must_use]
pub fn seconds(recording: &[u8]) -> Option<u64> {
    let rest = recording.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    let (mut rest, mut bytes_a_second) = (rest, None);
    loop {
        let (name, after) = rest.split_at_checked(4)?;
        let (size, after) = after.split_at_checked(4)?;
        let size = usize::try_from(u32::from_le_bytes(size.try_into().ok()?)).ok()?;
        match name {
            b"fmt " => bytes_a_second = Some(u32::from_le_bytes(after.get(8..12)?.try_into().ok()?)),
            b"data" => {
                let bytes = size.min(after.len()) as u64;
                return bytes_a_second.filter(|rate| *rate > 0).map(|rate| bytes.div_ceil(rate.into()));
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = after.get(size.checked_add(size % 2)?..)?;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Silence of so many bytes at 16 000 a second.
    pub(in super::super) fn wav(bytes: usize) -> Vec<u8> {
        let mut wav = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x01\0".to_vec();
        wav.extend(8_000_u32.to_le_bytes());
        wav.extend(16_000_u32.to_le_bytes());
        wav.extend(b"\x02\0\x10\0data");
        wav.extend(u32::try_from(bytes).unwrap().to_le_bytes());
        wav.extend(vec![0; bytes]);
        wav
    }

    #[test]
    fn a_recording_says_how_long_it_is() {
        assert_eq!(seconds(&wav(16_000)), Some(1));
        assert_eq!(seconds(&wav(16_001)), Some(2));
        assert_eq!(seconds(&wav(0)), Some(0));
    }

    #[test]
    fn what_is_no_recording_or_a_broken_one_says_nothing() {
        let whole = wav(100);
        for cut in 0..whole.len() - 100 {
            assert_eq!(seconds(&whole[..cut]), None, "{cut}");
        }
        let mut silent = whole.clone();
        let rate = silent.windows(4).position(|window| window == 16_000_u32.to_le_bytes()).unwrap();
        silent[rate..rate + 4].fill(0);
        assert_eq!(seconds(&silent), None);
        assert_eq!(seconds(b"ID3\x04 an mp3"), None);
    }

    #[test]
    fn a_header_that_claims_more_than_there_is_is_not_believed() {
        let mut wav = wav(16_000);
        let at = wav.len() - 16_004;
        wav[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(seconds(&wav), Some(1));
    }
}
