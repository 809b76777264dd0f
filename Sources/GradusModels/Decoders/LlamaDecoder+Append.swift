import CGradusKernels
import GradusCore

extension LlamaDecoder {
  /// Computes tokens that follow those of a cache, and puts their keys and values into it.
  ///
  ///     var cache = decoder.makeCache()
  ///     try decoder.append(documents, to: &cache)                       // once
  ///     var fork = cache
  ///     let output = try decoder.append(query, to: &fork, computing: DecoderRequest(logits: [query.count - 1]))
  ///
  /// - Parameters:
  ///   - tokens: At least one; each below the vocabulary size.
  ///   - cache: From this decoder's ``makeCache()``. Unchanged where an error is thrown.
  ///   - request: What to return; nothing by default, which leaves out the output layer.
  ///   - arithmetic: Prompts are fastest in bfloat16, single tokens in int8.
  /// - Throws: ``DecoderError``: no tokens, a token or position out of range, a foreign cache, a context exceeded.
  /// - Complexity: One pass for 512 tokens; attention grows with tokens x sequence length. Attention weights cost
  ///   positions x sequence length floats for each key-value head.
  @discardableResult
  public func append(
    _ tokens: [Int32], to cache: inout KVCache, computing request: DecoderRequest = .nothing,
    arithmetic: Arithmetic = .bfloat16
  ) throws -> DecoderOutput {
    try check(tokens, after: cache)
    try check(request, count: tokens.count)
    let start = cache.count
    cache.extend(by: tokens)
    var pages = cache.pagePointers
    var output = DecoderOutput()
    var logits = [Int: [Float]](), states = [Int: [Float]]()
    let pieces = Self.pieces(tokens.count)
    withExtendedLifetime(cache) {
      withWorkspace(rows: pieces.map(\.count).max() ?? 0) { space in
        pages.withUnsafeMutableBufferPointer { pages in
          guard let pages = pages.baseAddress else { return }
          for piece in pieces {
            let run = DecoderRun(rows: 0..<piece.count, position: start + piece.lowerBound, pages: pages)
            let capture = request.attention.flatMap {
              AttentionStorage($0, piece: piece, end: start + piece.upperBound, decoder: self)
            }
            let pass = DecoderPass(self, space, runs: [run], arithmetic: arithmetic, capture: capture?.capture)
            pass.run(Array(tokens[piece]))
            if let capture {
              output.attention += capture.rows(heads: configuration.keyValueHeadCount, sequence: start + tokens.count)
            }
            for position in request.hiddenStates where piece.contains(position) {
              states[position] = pass.hiddenState(of: position - piece.lowerBound)
            }
            let wanted = request.logits.filter { piece.contains($0) }
            pass.logits(of: wanted.map { $0 - piece.lowerBound }) { index, row in logits[wanted[index]] = Array(row) }
          }
        }
      }
    }
    output.logits = request.logits.compactMap { logits[$0] }
    output.hiddenStates = request.hiddenStates.compactMap { states[$0] }
    return output
  }

  /// One token for each of several sequences, computed together: a step of beam search or of a batch.
  ///
  /// - Returns: The logits after each token, as if each had been appended by itself.
  /// - Throws: As ``append(_:to:computing:arithmetic:)``; also where the counts differ.
  public func step(_ tokens: [Int32], _ caches: inout [KVCache], arithmetic: Arithmetic = .int8) throws -> [[Float]] {
    guard tokens.count == caches.count else {
      throw DecoderError.option(name: "tokens", value: "\(tokens.count)", allowed: "one for each of \(caches.count) caches")
    }
    for (token, cache) in zip(tokens, caches) { try check([token], after: cache) }
    var logits: [[Float]] = []
    for start in stride(from: 0, to: tokens.count, by: DecoderWorkspace.maximumRows) {
      let group = start..<min(tokens.count, start + DecoderWorkspace.maximumRows)
      for index in group { caches[index].extend(by: [tokens[index]]) }
      try compute(group.map { (caches[$0], 1) }, arithmetic: arithmetic) { pass in
        pass.logits(of: Array(0..<group.count)) { _, row in logits.append(Array(row)) }
      }
    }
    return logits
  }

  /// Runs the last `count` tokens of each cache, which must not be computed yet, in one pass.
  func compute(
    _ sequences: [(cache: KVCache, count: Int)], arithmetic: Arithmetic, _ body: (DecoderPass) throws -> Void
  ) throws {
    var tables: [UnsafeMutablePointer<UnsafeMutablePointer<UInt16>?>] = []
    defer { for table in tables { table.deallocate() } }
    var runs: [DecoderRun] = [], tokens: [Int32] = []
    for (cache, count) in sequences {
      let pages = cache.pagePointers
      let table = UnsafeMutablePointer<UnsafeMutablePointer<UInt16>?>.allocate(capacity: pages.count)
      table.initialize(from: pages, count: pages.count)
      tables.append(table)
      runs.append(DecoderRun(rows: tokens.count..<tokens.count + count, position: cache.count - count, pages: table))
      tokens += cache.tokens.suffix(count)
    }
    try withExtendedLifetime(sequences) {
      try withWorkspace(rows: tokens.count) { space in
        let pass = DecoderPass(self, space, runs: runs, arithmetic: arithmetic)
        pass.run(tokens)
        try body(pass)
      }
    }
  }

  /// Passes of nearly the same length.
  static func pieces(_ count: Int) -> [Range<Int>] {
    let passes = (count + DecoderWorkspace.maximumRows - 1) / DecoderWorkspace.maximumRows
    return (0..<passes).map { count * $0 / passes..<count * ($0 + 1) / passes }
  }

  func check(_ tokens: [Int32], after cache: KVCache) throws(DecoderError) {
    guard cache.geometry == geometry else { throw .foreignCache }
    guard !tokens.isEmpty else { throw .noTokens }
    if let bad = tokens.firstIndex(where: { $0 < 0 || Int($0) >= configuration.vocabularySize }) {
      throw .tokenOutOfRange(token: tokens[bad], index: bad, vocabularySize: configuration.vocabularySize)
    }
    let total = cache.count + tokens.count
    guard total <= configuration.maximumPositions else {
      throw .contextExceeded(tokens: total, limit: configuration.maximumPositions)
    }
  }

  private func check(_ request: DecoderRequest, count: Int) throws(DecoderError) {
    if let bad = (request.logits + request.hiddenStates).first(where: { !(0..<count).contains($0) }) {
      throw .positionOutOfRange(position: bad, count: count)
    }
    guard let attention = request.attention else { return }
    guard !attention.positions.isEmpty, attention.positions.lowerBound >= 0, attention.positions.upperBound <= count else {
      throw .positionOutOfRange(position: attention.positions.upperBound, count: count)
    }
    for (layer, heads) in attention.heads {
      guard (0..<configuration.layerCount).contains(layer) else {
        throw .option(name: "attention layer", value: "\(layer)", allowed: "0..<\(configuration.layerCount)")
      }
      if let bad = heads.sorted().first(where: { !(0..<configuration.headCount).contains($0) }) {
        throw .option(name: "attention head", value: "\(bad)", allowed: "0..<\(configuration.headCount)")
      }
    }
  }
}

/// Memory for the attention weights of one pass.
private final class AttentionStorage {
  let capture: AttentionCapture
  private let tokens: Int

  /// Nil where the pass holds none of the requested tokens.
  init?(_ request: AttentionRequest, piece: Range<Int>, end: Int, decoder: LlamaDecoder) {
    let positions = request.positions.clamped(to: piece)
    guard !positions.isEmpty else { return nil }
    let heads = decoder.configuration.keyValueHeadCount, stride = end.roundedUp(to: PackedWeight.panel)
    let floats = heads * positions.count * stride
    let sums = UnsafeMutablePointer<Float>.allocate(capacity: floats)
    sums.initialize(repeating: 0, count: floats)
    let members = WorkerPool.shared.threads, scratchCount = 12 * stride
    tokens = positions.count
    capture = AttentionCapture(
      request: request, rows: positions.lowerBound - piece.lowerBound..<positions.upperBound - piece.lowerBound, sums: sums,
      stride: stride, scratch: .allocate(capacity: members * scratchCount), scratchCount: scratchCount)
  }

  deinit {
    capture.sums.deallocate()
    capture.scratch.deallocate()
  }

  /// Each token's weights, the key-value heads added in order, `[sequence]`.
  func rows(heads: Int, sequence: Int) -> [[Float]] {
    (0..<tokens).map { token in
      var row = [Float](repeating: 0, count: sequence)
      for head in 0..<heads {
        let from = capture.sums + (head * tokens + token) * capture.stride
        for key in 0..<min(sequence, capture.stride) { row[key] += from[key] }
      }
      return row
    }
  }
}
