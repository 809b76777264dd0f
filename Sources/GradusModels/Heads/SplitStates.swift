import GradusText

/// The layers of a cross-encoder in which query and document do not see each other (``CrossEncoder/joined(at:)``): a query is
/// computed once for all of its documents, a document not at all where its states are known.
///
/// One for each call: it keeps the states of the queries that it has met. A token's states are those of the pair computed
/// alone, to the bit; documents from a store in bf16 are rounded.
struct SplitStates {
  private let fused: FusedBertEncoder
  private let joinLayer: Int
  private let documentPosition: Int
  private let documents: PrecomputedDocuments?
  private var queries: [[Int32]: [Float]] = [:]
  /// Tokens that went through the layers.
  private(set) var computedTokens = 0

  init(fused: FusedBertEncoder, joinLayer: Int, documentPosition: Int, documents: PrecomputedDocuments?) {
    self.fused = fused
    self.joinLayer = joinLayer
    self.documentPosition = documentPosition
    self.documents = documents
  }

  /// States of pairs one after the other, in the order of their tokens.
  mutating func states(of inputs: [TokenizedInput]) throws -> LayerStates {
    let width = fused.configuration.hiddenSize
    var batch = TokenBatch()
    var newQueries: Set<[Int32]> = []
    var computed: [Part] = []
    var known: [Int: DocumentStateRecord] = [:]
    for (number, input) in inputs.enumerated() {
      let split = input.secondStart ?? input.ids.count
      let query = Array(input.ids[..<split])
      if queries[query] == nil, newQueries.insert(query).inserted {
        computed.append(.query(query, batch.tokenCount))
        batch.append(query, segments: Array(input.segmentIDs[..<split]), secondStart: split)
      }
      let document = Array(input.ids[split...])
      if let record = try documents?.record(of: document) {
        known[number] = record
      } else {
        computed.append(.document(number, batch.tokenCount))
        batch.append(
          document, segments: Array(input.segmentIDs[split...]), secondStart: document.count, firstPosition: documentPosition)
      }
    }
    computedTokens += batch.tokenCount
    let fresh = try fused.states(batch, before: joinLayer).values
    var starts: [Int: Int] = [:]
    for part in computed {
      switch part {
      case .query(let ids, let start): queries[ids] = Array(fresh[start * width..<(start + ids.count) * width])
      case .document(let number, let start): starts[number] = start
      }
    }
    var values: [Float] = []
    values.reserveCapacity(inputs.reduce(0) { $0 + $1.ids.count } * width)
    for (number, input) in inputs.enumerated() {
      let split = input.secondStart ?? input.ids.count
      values += queries[Array(input.ids[..<split])] ?? []
      if let record = known[number] {
        record.append(to: &values)
      } else if let start = starts[number] {
        values += fresh[start * width..<(start + input.ids.count - split) * width]
      }
    }
    return LayerStates(layer: joinLayer, values: values)
  }

  /// What is computed, and where it begins in the batch.
  private enum Part {
    case query([Int32], Int)
    case document(Int, Int)
  }
}
