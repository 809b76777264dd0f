import GradusCore

/// Why a sampler cannot draw or cannot go on.
public enum SamplerError: GradusError, Equatable {
  /// No query of the run has what a sample needs. `queries` is the number of queries looked at.
  case nothingToSample(queries: Int, needed: String)
  case negativesBelowOne(Int)
  case listBelowTwo(Int)
  /// An episode without enough classes or documents to mean anything.
  case episodeBelow(name: String, found: Int, least: Int)
  /// Distillation without the teacher's score of a document.
  case teacherLacks(teacher: String, qid: String, docno: String)
  /// Grade 0 is what unjudged documents have, so a cut below 1 would call every document positive.
  case positiveGradeBelowOne(Int)
  /// A resume with other data, other settings or another seed.
  case stateOfAnotherSampler(expected: String, found: String)
  /// A checkpoint that says so many samples were drawn, or bytes read.
  case impossiblePosition(Int)
  case emptyFile(String)
  /// A line of a triple file. `fields` is the number of white-space separated fields found.
  case tripleFields(file: String, line: Int, fields: Int)
  /// Gzip cannot be read from the middle, which a resume needs.
  case compressedFile(String)

  public var failureKind: FailureKind {
    switch self {
    case .nothingToSample, .emptyFile, .impossiblePosition, .tripleFields, .compressedFile, .teacherLacks: .badData
    case .negativesBelowOne, .listBelowTwo, .episodeBelow, .positiveGradeBelowOne: .usage
    case .stateOfAnotherSampler: .failed
    }
  }

  public var description: String {
    switch self {
    case .nothingToSample(let queries, let needed):
      "none of the \(queries) queries of the run has \(needed); check that run and qrels use the same qids and docnos"
    case .negativesBelowOne(let found): "a pairwise sample needs at least 1 negative, asked for \(found)"
    case .listBelowTwo(let found): "a listwise sample needs at least 2 documents, asked for \(found)"
    case .episodeBelow(let name, let found, let least): "an episode needs \(name) of at least \(least), asked for \(found)"
    case .teacherLacks(let teacher, let qid, let docno):
      "teacher '\(teacher)' has no score for query '\(qid)', document '\(docno)'; let it score all candidates of training"
    case .positiveGradeBelowOne(let found): "the lowest positive grade must be at least 1, found \(found)"
    case .stateOfAnotherSampler(let expected, let found):
      "the checkpoint's sampler had other data, settings or another seed (\(found.prefix(12)) instead of "
        + "\(expected.prefix(12))); resume with the same ones or start anew"
    case .impossiblePosition(let found):
      "the checkpoint's sampler stands at \(found), where no sampler can; the checkpoint is damaged"
    case .emptyFile(let file): "\(file): expected lines of qid, positive docno, negative docno; the file is empty"
    case .tripleFields(let file, let line, let fields):
      "\(file):\(line): expected 3 fields (qid, positive docno, negative docno), found \(fields)"
    case .compressedFile(let file): "\(file): a triple file is read from the middle on resume; unpack it first"
    }
  }
}
