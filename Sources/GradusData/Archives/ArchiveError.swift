import GradusCore

/// An archive that cannot be read or must not be unpacked.
public enum ArchiveError: GradusError, Equatable {
  /// `reason` is the library's own line.
  case unreadable(archive: String, reason: String)
  /// An entry would be written outside the folder that it is unpacked to.
  case escapingEntry(archive: String, entry: String)
  /// What the archive was opened for is not in it.
  case missingEntry(archive: String, entry: String)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .unreadable(let archive, let reason): "\(archive): cannot unpack: \(reason); remove the file and fetch it again"
    case .escapingEntry(let archive, let entry):
      "\(archive): entry '\(entry)' would be written outside its folder; nothing was kept"
    case .missingEntry(let archive, let entry): "\(archive): '\(entry)' is not in the archive"
    }
  }
}
