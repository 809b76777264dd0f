import GradusCore
import GradusText

/// What the layers below the join layer make of documents, computed before any query is known (PreTTR, MacAvaney et al.,
/// SIGIR 2020), in memory or in a file.
///
///     let model = try trained.prepared(for: .bf16)
///     try PrecomputedDocuments.write(documents, model: model, storage: .bf16, to: "documents.states")
///     let ranker = try model.reading(try PrecomputedDocuments(path: "documents.states", model: model))
///
/// A document is found by its token ids, not by its name, so that one whose text has changed is computed again instead of
/// getting its old states. Kept in fp32 the scores have the same bits as without; in bf16 states are half as large and rounded.
/// A token takes 4 or 2 bytes for each hidden unit: a passage of 150 tokens of MiniLM 230 or 115 kB.
public final class PrecomputedDocuments: Sendable {
  /// How the file keeps numbers.
  public enum Storage: UInt32, Sendable, CaseIterable {
    case fp32 = 4
    case bf16 = 2

    var bytes: Int { Int(rawValue) }
  }

  private let contents: Contents
  private let fingerprint: String

  private enum Contents {
    case memory([[Int32]: DocumentStateRecord])
    case file(DocumentStateFile)
  }

  public let storage: Storage
  /// Different documents.
  public var count: Int {
    switch contents {
    case .memory(let records): records.count
    case .file(let file): file.count
    }
  }

  /// Computes the states of documents, a batch at a time, and keeps them in memory. Throws as
  /// ``write(_:model:storage:to:progress:)``.
  public init(
    _ documents: some Sequence<Document>, model: CrossEncoder, storage: Storage, progress: (Int) -> Void = { _ in }
  ) throws {
    var records: [[Int32]: DocumentStateRecord] = [:]
    try Self.compute(documents, model: model, progress: progress) { ids, states in
      records[ids] = DocumentStateRecord(states, storage: storage)
    }
    self.storage = storage
    fingerprint = try Self.fingerprint(of: model)
    contents = .memory(records)
  }

  /// Opens a file; states are read when they are asked for.
  ///
  /// - Throws: ``PrecomputedDocumentsError``, `FileError`.
  public init(path: String, model: CrossEncoder) throws {
    let file = try DocumentStateFile(path: path)
    fingerprint = file.fingerprint
    storage = file.storage
    contents = .file(file)
    try check(model)
  }

  /// Computes the states of documents and writes them, a batch at a time; equal texts are written once. With windows, all of a
  /// document's.
  ///
  /// - Parameters:
  ///   - model: Prepared for a precision, with a join layer.
  ///   - progress: Called with the number of documents since the last call.
  /// - Throws: ``PrecomputedDocumentsError/notSplit``; `FileError`; what reading a document throws.
  public static func write(
    _ documents: some Sequence<Document>, model: CrossEncoder, storage: Storage, to path: String,
    progress: (Int) -> Void = { _ in }
  ) throws {
    let writer = try DocumentStateWriter(
      path: path, fingerprint: try fingerprint(of: model), width: model.encoder.configuration.hiddenSize, storage: storage)
    try compute(documents, model: model, progress: progress) { ids, states in
      try writer.add(ids, DocumentStateRecord(states, storage: storage))
    }
    try writer.commit()
  }

  private static func compute(
    _ documents: some Sequence<Document>, model: CrossEncoder, progress: (Int) -> Void,
    emit: ([Int32], ArraySlice<Float>) throws -> Void
  ) throws {
    guard let fused = model.fused, model.joinLayer > 0 else { throw PrecomputedDocumentsError.notSplit }
    let width = fused.configuration.hiddenSize
    var batch = TokenBatch()
    var waiting: [[Int32]] = []
    var met: Set<[Int32]> = []
    func flush() throws {
      let states = try fused.states(batch, before: model.joinLayer).values
      for (number, ids) in waiting.enumerated() {
        let start = Int(batch.offsets[number]) * width
        try emit(ids, states[start..<start + ids.count * width])
      }
      batch = TokenBatch()
      waiting = []
    }
    // A document's states are the same beside every query.
    let query = Query(qid: "", text: "")
    for document in documents {
      for input in try model.parts(of: ScoringPair(query: query, document: document)).inputs {
        let split = input.secondStart ?? input.ids.count
        let ids = Array(input.ids[split...])
        guard met.insert(ids).inserted else { continue }
        if batch.tokenCount + ids.count > 8192, !waiting.isEmpty { try flush() }
        batch.append(
          ids, segments: Array(input.segmentIDs[split...]), secondStart: ids.count, firstPosition: model.documentPosition)
        waiting.append(ids)
      }
      progress(1)
    }
    if !waiting.isEmpty { try flush() }
  }

  /// The states of a document's tokens, nil where there are none.
  ///
  /// - Throws: ``PrecomputedDocumentsError/damaged(path:reason:)``.
  func record(of ids: [Int32]) throws -> DocumentStateRecord? {
    switch contents {
    case .memory(let records): records[ids]
    case .file(let file): try file.record(of: ids)
    }
  }

  /// - Throws: ``PrecomputedDocumentsError/otherModel(path:)``, ``PrecomputedDocumentsError/notSplit``.
  func check(_ model: CrossEncoder) throws {
    var path = ""
    if case .file(let file) = contents { path = file.path }
    guard try Self.fingerprint(of: model) == fingerprint else { throw PrecomputedDocumentsError.otherModel(path: path) }
  }

  /// SHA-256 of all that states depend on beside the tokens.
  static func fingerprint(of model: CrossEncoder) throws -> String {
    guard let fused = model.fused, model.joinLayer > 0 else { throw PrecomputedDocumentsError.notSplit }
    let configuration = model.encoder.configuration
    var digest = SHA256Digest()
    let facts = [
      "states of documents", configuration.family.rawValue, fused.precision.rawValue, "join layer \(model.joinLayer)",
      "position \(model.documentPosition)", "epsilon \(configuration.layerNormEpsilon)", "heads \(configuration.headCount)",
      "hidden \(configuration.hiddenSize)", "intermediate \(configuration.intermediateSize)",
    ]
    Array(facts.joined(separator: "\n").utf8).withUnsafeBytes { digest.update($0) }
    fused.updateDigest(&digest, layers: model.joinLayer)
    return digest.finish()
  }
}

/// The states of one document's tokens as they are kept.
struct DocumentStateRecord: Sendable {
  let storage: PrecomputedDocuments.Storage
  let bytes: [UInt8]

  init(storage: PrecomputedDocuments.Storage, bytes: [UInt8]) {
    self.storage = storage
    self.bytes = bytes
  }

  /// - Parameter states: `[tokens * hidden]`. In bf16 rounded to nearest, ties to even.
  init(_ states: ArraySlice<Float>, storage: PrecomputedDocuments.Storage) {
    self.storage = storage
    switch storage {
    case .fp32: bytes = states.withUnsafeBytes { Array($0) }
    case .bf16:
      let rounded = states.map { state in
        let bits = state.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
      }
      bytes = rounded.withUnsafeBytes { Array($0) }
    }
  }

  func append(to values: inout [Float]) {
    bytes.withUnsafeBytes { bytes in
      switch storage {
      case .fp32: values.append(contentsOf: bytes.bindMemory(to: Float.self))
      case .bf16: values.append(contentsOf: bytes.bindMemory(to: UInt16.self).lazy.map { Float(bitPattern: UInt32($0) << 16) })
      }
    }
  }
}
