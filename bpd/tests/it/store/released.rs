//! Stores as released versions wrote them: they open for ever.
