import GradusCore

/// Why a training cannot be resumed from a directory.
public enum CheckpointError: GradusError, Equatable {
  /// The directory holds no checkpoint.
  case missing(directory: String)
  /// A file of the checkpoint is not what was written.
  case corrupt(file: String, problem: String)
  case formatVersion(file: String, found: Int, known: Int)
  /// The checkpoint belongs to a training with other settings, models, weightings or hooks.
  case otherTraining(directory: String, setting: String, expected: String, found: String)

  public var failureKind: FailureKind {
    switch self {
    case .missing: .missingInput
    case .corrupt, .formatVersion: .badData
    case .otherTraining: .usage
    }
  }

  public var description: String {
    switch self {
    case .missing(let directory): "\(directory): holds no checkpoint; start the training anew or name its directory"
    case .corrupt(let file, let problem):
      "\(file): damaged checkpoint: \(problem); restore the file from a backup or start the training anew"
    case .formatVersion(let file, let found, let known):
      "\(file): checkpoint format \(found), this program reads \(known); resume with the program that wrote it"
    case .otherTraining(let directory, let setting, let expected, let found):
      "\(directory): the checkpoint was written with \(setting) '\(found)', this training has '\(expected)'; "
        + "resume with the same settings"
    }
  }
}
