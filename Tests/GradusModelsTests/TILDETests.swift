import Foundation
import GradusCore
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

@Suite("TILDE and TILDEv2")
struct TILDETests {
  private static let texts = ["a b c b", "d e", "", "b a d a c e f g h i j k l m n o p"]

  private func tilde(_ reading: TILDE.Reading = .first) throws -> (TILDE, TestFolder) {
    let folder = try TestFolder.tinyBert()
    let model = try TILDE(
      model: try TinyLanguageModel.make(folder.folder), tokenizer: try folder.folder.tokenizer(), reading: reading,
      maximumPassageTokens: 12, maximumQueryTokens: 8)
    return (model, folder)
  }

  private func weights(_ expansion: TILDEv2.Expansion? = nil) throws -> (TILDEv2, TestFolder) {
    let folder = try TestFolder.tinyBert()
    let model = try TILDEv2(
      encoder: try BertEncoder(folder: folder.folder), tokenizer: try folder.folder.tokenizer(), expansion: expansion,
      maximumPassageTokens: 20, maximumQueryTokens: 8, seed: 3)
    // Large enough for weights on both sides of 0.
    var generator = SeededGenerator(seed: 4)
    model.head.weight.value = Tensor((0..<24).map { _ in Float(generator.normal()) }, shape: [1, 24])
    return (model, folder)
  }

  // MARK: - TILDE

  @Test("The query's likelihood of the card's logits")
  func likelihood() {
    let logits = Tensor([0, 2, -1, 1, -3] as [Double], shape: [1, 5])
    #expect(abs(TILDE.logLikelihoods(logits, [[1, 3]]).item() - -0.191171) < 1e-6)
    #expect(abs(TILDE.logLikelihoods(logits, [[1, 1, 3]]).item() - (-0.191171 - 0.126928 / log(10))) < 1e-6)
    #expect(TILDE.logLikelihoods(logits, [[]]).item() == 0)
    let two = concatenated([logits, logits * 2], axis: 0)
    #expect(TILDE.logLikelihoods(two, [[], [0, 4]]).doubles()[0] == 0)
  }

  @Test("Scores mix both likelihoods; with alpha 1 the query is only tokenized")
  func scores() throws {
    var (model, _) = try tilde()
    let pairs = [pair("a b", "b c d"), pair("e", "a")]
    let queryOnly = try model.scores(pairs, context: .inference).doubles()
    model.alpha = 0
    let documentOnly = try model.scores(pairs, context: .inference).doubles()
    model.alpha = 0.3
    let mixed = try model.scores(pairs, context: .inference).doubles()
    for (place, value) in mixed.enumerated() {
      #expect(abs(value - (0.3 * queryOnly[place] + 0.7 * documentOnly[place])) < 1e-5)
      // A text of stop tokens alone says nothing.
      #expect(queryOnly[place] < 0 && documentOnly[place] <= 0)
    }
    let logits = try model.logits(["b c d"], .passage, .inference).floats()
    let ids = model.tokenizer.encode("a b").filter { !model.stops.matching.contains($0) }
    #expect(!ids.isEmpty)
    let expected = ids.reduce(0.0) { $0 - log10(1 + exp(-Double(logits[Int($1)]))) }
    #expect(abs(queryOnly[0] - expected) < 1e-5)
  }

  @Test("The first position is the marker of the text's kind, and only where it is read")
  func markers() throws {
    let (first, _) = try tilde()
    let (largest, _) = try tilde(.largest)
    let plain = try first.tokenizer.inputs("a b", limits: TokenLimits(maximumTokens: 12))[0].ids
    #expect(try first.input("a b", .passage).ids == [1] + plain.dropFirst())
    #expect(try first.input("a b", .query).ids == [2] + plain.dropFirst())
    #expect(try largest.input("a b", .passage).ids == plain)
  }

  @Test("Expansions are new, no stops, at most as many as asked for, ordered by logit", arguments: TILDE.Reading.allCases)
  func expansions(reading: TILDE.Reading) throws {
    let (model, _) = try tilde(reading)
    for count in [1, 5, 64] {
      let added = try model.expansions(of: Self.texts, count: count)
      for (text, ids) in zip(Self.texts, added) {
        let own = Set(model.tokenizer.encode(text))
        #expect(ids.count <= count && Set(ids).count == ids.count)
        #expect(own.isDisjoint(with: ids) && model.stops.expansion.isDisjoint(with: ids))
        let logits = withoutGradients { try? model.logits([text], .passage, .inference) }
        let values = try #require(logits).floats()
        let order = values.indices.sorted { values[$0] > values[$1] }.prefix(count).map(Int32.init)
        #expect(ids == order.filter { !own.contains($0) && !model.stops.expansion.contains($0) })
      }
      #expect(try model.expansions(of: Self.texts.reversed(), count: count).reversed() == added)
    }
    #expect(throws: TILDEError.expansionCount(found: 65, vocabulary: 64)) { try model.expansions(of: [], count: 65) }
    #expect(throws: TILDEError.expansionCount(found: 0, vocabulary: 64)) { try model.expansions(of: [], count: 0) }
  }

  @Test("The best of many logits, the smaller id among equals")
  func best() {
    var generator = SeededGenerator(seed: 9)
    let logits = (0..<3000).map { _ in Float(generator.integer(below: 500)) }
    let order = logits.indices.sorted { logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1 }
    for count in [1, 2, 7, 200, 2999, 3000] {
      #expect(TILDE.best(count, of: logits[...]) == order.prefix(count).map(Int32.init))
      #expect(TILDE.best(count, of: ([9, 9] + logits)[2...]) == order.prefix(count).map(Int32.init))
    }
  }

  @Test(
    "Stop tokens of a real vocabulary: question words count in matching and not in expansion",
    .enabled(if: ReferenceModels.folder("splade-tiny") != nil, Comment(rawValue: ReferenceModels.notice)))
  func stops() throws {
    let tokenizer = try #require(ReferenceModels.folder("splade-tiny")).tokenizer()
    let stops = StopTokens(tokenizer)
    func id(_ piece: String) throws -> Int32 { try #require((0..<30522).first { tokenizer.piece($0) == piece }) }
    for piece in ["the", "is", ".", "[CLS]", "[SEP]", "[unused5]", "##s"] {
      #expect(try stops.matching.contains(id(piece)) && stops.expansion.contains(id(piece)), "\(piece)")
    }
    for piece in ["how", "what", "who", "definition"] {
      #expect(try !stops.matching.contains(id(piece)) && stops.expansion.contains(id(piece)), "\(piece)")
    }
    for piece in ["hash", "##ing", "1999", "sort"] {
      #expect(try !stops.matching.contains(id(piece)) && !stops.expansion.contains(id(piece)), "\(piece)")
    }
  }

  // MARK: - TILDEv2

  @Test("Scores are the sums of the largest weights, by vectors, by look-up and by hand")
  func tokenWeights() throws {
    let (model, _) = try weights()
    let (stored, _) = try model.weights(of: Self.texts)
    #expect(stored.contains { $0.count > 1 })
    let pairs = ["a b", "b b e", "", "z"].flatMap { query in Self.texts.map { pair(query, $0) } }
    let byVectors = try model.scores(pairs, context: .inference).doubles()
    let byLookup = try model.inferredScores(pairs, maximumTokens: 512) { _ in }
    for (place, pair) in pairs.enumerated() {
      let weights = stored[place % Self.texts.count]
      let expected = model.queryTokens(pair.query.text).reduce(0.0) { $0 + Double(weights[$1]) }
      #expect(abs(byVectors[place] - expected) < 1e-4 && abs(byLookup[place].score - expected) < 1e-9)
    }
    // A repeated token of the query counts twice.
    let once = try model.scores([pair("b", Self.texts[0])], context: .inference).item()
    #expect(abs(try model.scores([pair("b b", Self.texts[0])], context: .inference).item() - 2 * once) < 1e-5)
  }

  @Test("The largest weight of each token: worked, stops left out, gradients to the largest alone")
  func largest() throws {
    var tokens = TokenBatch()
    tokens.append([2, 7, 9, 7, 3])
    tokens.append([2, 3])
    tokens.append([9, 9, 8])
    let values: [Double] = [5, 1.2, 0, 0.4, 6, 7, 8, 0.3, 0.5, 2.1]
    let leaf = Tensor(values, shape: [10, 1]).tracked()
    let matrix = TILDEv2.largestByToken(leaf, tokens, leavingOut: [2, 3], vocabulary: 10)
    var expected = [Double](repeating: 0, count: 30)
    expected[7] = 1.2
    expected[29] = 0.5
    expected[28] = 2.1
    #expect(matrix.shape == [3, 10] && matrix.doubles() == expected)
    let factors = Tensor((0..<30).map { Double($0 + 1) }, shape: [3, 10])
    let found = try gradients(of: (matrix * factors).sum(), withRespectTo: [leaf])[0].doubles()
    // Token 9 of the first sequence is the only one of its kind, at weight 0.
    #expect(found == [0, 8, 10, 0, 0, 0, 0, 0, 30, 29])
    for place in values.indices {
      func total(_ by: Double) -> Double {
        var changed = values
        changed[place] += by
        let moved = TILDEv2.largestByToken(Tensor(changed, shape: [10, 1]), tokens, leavingOut: [2, 3], vocabulary: 10)
        return (moved * factors).sum().item()
      }
      #expect(abs((total(1e-6) - total(-1e-6)) / 2e-6 - found[place]) < 1e-6)
    }
  }

  @Test("Passages are read as the released tool writes them, and the least likely expansions are cut first")
  func expandedPassages() throws {
    let (model, _) = try weights()
    let plain = try model.passage("a b", added: nil)
    #expect(plain.ids.count == 4)
    let end = try #require(plain.ids.last)
    #expect(try model.passage("a b", added: [40, 41]).ids == plain.ids + [40, 41, end])
    #expect(try model.passage("a b", added: []).ids == plain.ids)
    let many = try model.passage("a b", added: Array(5..<40))
    #expect(many.ids.count == 20 && many.ids == plain.ids + Array(5..<20) + [end])
    let long = String(repeating: "a ", count: 60)
    #expect(TILDEv2.textTokens(of: 192) == 128 && TILDEv2.textTokens(of: 20) == 13)
    #expect(try model.passage(long, added: [40]).ids.suffix(3) == [end, 40, end])
    #expect(try model.passage(long, added: [40]).ids.count == 15)
    #expect(try model.passage(long, added: nil).truncatedTokens == 42)
  }

  @Test("A saved model with its expander gives the same weights; spoilt descriptions are refused")
  func saving() throws {
    let (expander, folder) = try tilde(.largest)
    let (model, _) = try weights(TILDEv2.Expansion(expander: expander, count: 9))
    let expected = try model.weights(of: Self.texts)
    let (plain, _) = try weights()
    #expect(try plain.weights(of: Self.texts).weights != expected.weights)
    let saved = try TestFolder()
    #expect(!TILDEv2.isPresent(in: saved.folder))
    try model.save(to: saved.path, tokenizerOf: folder.folder)
    #expect(TILDEv2.isPresent(in: saved.folder))
    let again = try TILDEv2(folder: saved.folder)
    let found = try again.weights(of: Self.texts)
    #expect(found.weights == expected.weights && found.truncatedTokens == expected.truncatedTokens)
    #expect(again.settingsText == model.settingsText && again.maximumQueryTokens == 8)
    // Training and indexing read the same: the vectors use what expansion remembers.
    let pairs = Self.texts.map { pair("a b c", $0) }
    let scores = try again.scores(pairs, context: .inference).doubles()
    for (score, weights) in zip(scores, expected.weights) {
      #expect(abs(score - model.queryTokens("a b c").reduce(0) { $0 + Double(weights[$1]) }) < 1e-4)
    }
    try saved.set("tildev2.json", "format", 2)
    #expect(throws: TILDEError.self) { try TILDEv2(folder: saved.folder) }
    try saved.set("tildev2.json", "format", 1)
    try saved.set("tildev2.json", "maximumQueryTokens", 0)
    #expect(throws: TILDEError.self) { try TILDEv2(folder: saved.folder) }
    try saved.set("tildev2.json", "maximumQueryTokens", 8)
    try saved.rewriteWeights { $0.name == "tok_proj.weight" ? nil : $0 }
    #expect(throws: ModelError.missingTensor(file: saved.file("model.safetensors"), name: "tok_proj.weight")) {
      try TILDEv2(folder: saved.folder)
    }
  }
}
