import GradusTestSupport

/// Nearly every file here runs the command in a folder: they get it without a further import.
typealias TemporaryFolder = GradusTestSupport.TemporaryFolder
