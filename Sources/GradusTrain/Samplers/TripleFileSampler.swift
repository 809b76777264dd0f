#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Reads a file of official training triples (`qid`, positive docno, negative docno) in file order, never shuffled, and
/// begins again at its end, as MS MARCO's train triples are used.
///
/// The file is read in pieces and never held in memory. A pointwise sampler reads each triple as two samples: the
/// positive with label 1, then the negative with label 0.
///
///     var sampler = try TripleFileSampler(path: "qidpidtriples.train.small.tsv", form: .pairwise)
///     let sample = try sampler.next()
public struct TripleFileSampler: TrainingSampler {
  /// Where the sampler stands in its file.
  public struct State: Sendable, Equatable, Codable {
    /// Bytes of the file: a state resumes only over a file of the same size.
    public let fileBytes: Int
    public let form: TrainingSample.Form
    /// Where the next unread line begins.
    public var offset: Int
    /// Lines read in this round.
    public var line: Int
    /// The negative of the last triple, where only its positive has been given out (pointwise).
    public var pendingNegative: TrainingSample?
  }

  public let path: String
  public let form: TrainingSample.Form

  private let file: DescribedFile
  private var state: State
  private var buffer: [UInt8] = []
  private var bufferStart = 0

  /// - Throws: `FileError` where the file cannot be opened; ``SamplerError/emptyFile(_:)``;
  ///   ``SamplerError/compressedFile(_:)`` for a name that ends in `.gz`.
  public init(path: String, form: TrainingSample.Form) throws {
    guard !path.hasSuffix(".gz") else { throw SamplerError.compressedFile(path) }
    self.path = path
    self.form = form
    file = try DescribedFile(path: path)
    let bytes = try file.size()
    guard bytes > 0 else { throw SamplerError.emptyFile(path) }
    state = State(fileBytes: bytes, form: form, offset: 0, line: 0, pendingNegative: nil)
  }

  /// Not known without reading the whole file.
  public var samplesPerPass: Int? { nil }

  public mutating func next() throws -> TrainingSample {
    if let negative = state.pendingNegative {
      state.pendingNegative = nil
      return negative
    }
    let line = try nextLine()
    let fields = line.split(whereSeparator: { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") })
    guard fields.count == 3 else {
      throw SamplerError.tripleFields(file: path, line: state.line, fields: fields.count)
    }
    let names = fields.map { String(decoding: $0, as: UTF8.self) }
    switch form {
    case .pairwise:
      return .pairwise(qid: names[0], positive: names[1], negatives: [names[2]])
    case .listwise:
      return .listwise(
        qid: names[0],
        documents: [
          LabelledDocument(docno: names[1], label: 1, isPositive: true),
          LabelledDocument(docno: names[2], label: 0, isPositive: false),
        ])
    case .pointwise:
      state.pendingNegative = .pointwise(qid: names[0], docno: names[2], label: 0, isPositive: false)
      return .pointwise(qid: names[0], docno: names[1], label: 1, isPositive: true)
    }
  }

  private mutating func nextLine() throws -> ArraySlice<UInt8> {
    if state.offset >= state.fileBytes {
      state.offset = 0
      state.line = 0
    }
    while true {
      let start = state.offset - bufferStart
      if start >= 0 && start <= buffer.count {
        let rest = buffer[start...]
        let end = rest.firstIndex(of: UInt8(ascii: "\n"))
        if let end = end ?? (bufferStart + buffer.count == state.fileBytes ? buffer.count : nil) {
          state.offset = bufferStart + end + 1
          state.line += 1
          let line = buffer[start..<end]
          return line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        }
        buffer = Array(rest)
      } else {
        buffer = []
      }
      bufferStart = state.offset
      let piece = try file.read(at: bufferStart + buffer.count, count: 1 << 18)
      guard !piece.isEmpty else { throw SamplerError.tripleFields(file: path, line: state.line + 1, fields: 0) }
      buffer += piece
    }
  }

  public var resumeState: State { state }

  public mutating func resume(from other: State) throws {
    guard other.fileBytes == state.fileBytes, other.form == form else {
      throw SamplerError.stateOfAnotherSampler(
        expected: "\(form.rawValue) \(state.fileBytes) bytes", found: "\(other.form.rawValue) \(other.fileBytes) bytes")
    }
    for position in [other.offset, other.line] where !(0...RoundRobin.mostDraws).contains(position) {
      throw SamplerError.impossiblePosition(position)
    }
    state = other
  }
}

/// An open file that is read at given places only, so that copies of a sampler may share it.
private final class DescribedFile: Sendable {
  private let path: String
  private let descriptor: Int32

  init(path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.open, path: path, code: errno) }
  }

  deinit { close(descriptor) }

  func size() throws -> Int {
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= 0 else { throw FileError(.read, path: path, code: errno) }
    return Int(end)
  }

  func read(at offset: Int, count: Int) throws -> [UInt8] {
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let read = pread(descriptor, buffer.baseAddress, count, off_t(offset))
      if read < 0 { code = errno }
      initialized = max(0, read)
    }
    guard code == 0 else { throw FileError(.read, path: path, code: code) }
    return bytes
  }
}
