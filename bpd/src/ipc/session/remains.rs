//! What bpd leaves in a shell's file in the place of records that it has recorded.

use bp_proto::mailbox::{KeptRecord, Stamp, StartRecord, Text};

use super::Session;

impl Session {
    /// What it takes to go on from here, for the place of the records so far, the best first; the shorter ones are for
    /// where it does not fit.
    pub(in crate::ipc) fn remains(&self) -> Vec<Vec<u8>> {
        let text = self.text.as_ref().filter(|_| !self.is_text_removed);
        let text = text.map(|text| text.text.clone().into_bytes());
        let stamp = self.last.map(|(hundredths, nth)| Stamp::Uptime { hundredths, nth: Some(nth) });
        let stamp = stamp.or(self.previous);
        let kept = KeptRecord { shell: self.shell.clone(), times: self.times, stamp, text: text.clone() };
        let kept = kept.to_bytes();
        let Some(open) = &self.open else { return vec![kept, Vec::new()] };
        let begun = |text| StartRecord { text, ..open.record.clone() }.to_bytes();
        let is_pending = open.record.text == Text::Pending;
        let hidden = begun(if is_pending { Text::Pending } else { Text::Hidden });
        let mut remains = Vec::new();
        if let (Text::Repeat, Some(text)) = (&open.record.text, text) {
            remains.push(begun(Text::Kept(text)));
        }
        remains.extend([[&kept[..], &hidden].concat(), hidden]);
        remains
    }

    /// Whether there is anything to gain from putting [`Self::remains`] in the place of the records.
    pub(in crate::ipc) fn can_be_wiped(&self) -> bool {
        !self.has_open_run() || self.is_bare
    }

    /// A run was removed: its text must not stay in the file, whose records are replaced once more. bpd still knows it, for
    /// a line that repeats it. The next text that the shell tells stays again.
    pub(in crate::ipc) fn remove_text(&mut self) {
        self.is_text_removed = true;
        self.is_bare = true;
    }

    pub(in crate::ipc) fn was_wiped(&mut self) {
        self.is_bare = false;
    }
}
