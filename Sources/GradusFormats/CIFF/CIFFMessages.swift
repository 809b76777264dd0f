import GradusCore

/// First message of a file in the Common Index File Format (Lin et al., SIGIR 2020), by which search engines exchange
/// inverted indexes.
public struct CIFFHeader: Sendable, Equatable {
  /// Lists and documents in the file.
  public var postingsLists = 0
  public var documents = 0
  /// Of the collection; more than those in the file where it is a part.
  public var totalPostingsLists = 0
  public var totalDocuments = 0
  public var totalTerms = 0
  public var averageDocumentLength = 0.0
  public var text = ""

  /// The only version there is.
  public static let version = 1

  public init() {}
}

/// The postings of a term. Document numbers are those of the file's document records, ascending.
public struct CIFFPostingsList: Sendable, Equatable {
  public var term: String
  public var documentFrequency: Int
  public var collectionFrequency: Int
  public var documents: [UInt32]
  public var frequencies: [UInt32]

  public init(
    term: String, documentFrequency: Int, collectionFrequency: Int, documents: [UInt32], frequencies: [UInt32]
  ) {
    self.term = term
    self.documentFrequency = documentFrequency
    self.collectionFrequency = collectionFrequency
    self.documents = documents
    self.frequencies = frequencies
  }
}

/// A document of the collection.
public struct CIFFDocument: Sendable, Equatable {
  public var number: Int
  public var docno: String
  /// Tokens; some programs write rounded lengths.
  public var length: Int

  public init(number: Int, docno: String, length: Int) {
    self.number = number
    self.docno = docno
    self.length = length
  }
}

/// A file that is not in the Common Index File Format, or contradicts itself.
public struct CIFFError: GradusError, Equatable {
  public enum Reason: Sendable, Equatable {
    /// The file ends inside a message.
    case truncated
    case version(Int)
    /// A message is no protocol buffer of its kind.
    case malformed(message: String)
    /// Terms must ascend by bytes, each once.
    case termOrder(String)
    /// A list's documents must ascend and be among the records, with frequencies from 1, and as many as it says.
    case postings(term: String)
    /// Records must have the numbers from 0 to the last, each once.
    case documentNumber(Int)
  }

  public let path: String
  public let reason: Reason

  public init(path: String, reason: Reason) {
    self.path = path
    self.reason = reason
  }

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch reason {
    case .truncated: "\(path): the file ends inside a message; copy it again"
    case .version(let found): "\(path): CIFF version \(found), expected \(CIFFHeader.version)"
    case .malformed(let message): "\(path): the \(message) is no such message of CIFF"
    case .termOrder(let term): "\(path): term '\(term)' does not follow the one before it in byte order"
    case .postings(let term): "\(path): the postings of '\(term)' contradict themselves or the document records"
    case .documentNumber(let number): "\(path): document number \(number) is given twice or out of range"
    }
  }
}
