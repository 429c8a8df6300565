//! Builds the channels, starts the stages, joins them: the diagram in code.
