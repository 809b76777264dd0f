import GradusTensor
import GradusText

/// Which program's files make a folder a ColBERT.
enum ColBERTLayout {
  /// stanford-futuredata/ColBERT: `HF_ColBERT` with `linear.weight` among the encoder's weights and `artifact.metadata`.
  case stanford
  /// PyLate: a transformer and dense layers without pooling between them.
  case pyLate
}

extension ModelFolder {
  static let colBERTMetadataName = "artifact.metadata"
  private static let settingsName = "config_sentence_transformers.json"

  /// Nil for an encoder that is no ColBERT.
  func colBERTLayout() throws -> ColBERTLayout? {
    guard !contains(ModelManifest.fileName) else { return nil }
    if contains("modules.json") {
      let kinds = try decoded([SentenceSettings.Part].self, "modules.json").value.map(\.kind)
      return kinds.count > 1 && kinds[0] == "Transformer" && kinds.dropFirst().allSatisfy { $0 == "Dense" } ? .pyLate : nil
    }
    struct Kind: Decodable { let architectures: [String]? }
    guard contains(Self.configurationName) else { return nil }
    let isNamed = try decoded(Kind.self, Self.configurationName).value.architectures?.contains("HF_ColBERT") ?? false
    return isNamed || contains(Self.colBERTMetadataName) ? .stanford : nil
  }

  /// What a ColBERT's files say beside the encoder.
  ///
  /// - Throws: ``ModelError`` that names the file.
  func colBERT(
    _ layout: ColBERTLayout, _ configuration: BertConfiguration, _ tokenizer: any InputTokenizer
  ) throws -> ColBERTCheckpoint {
    let checkpoint = switch layout {
    case .stanford: try stanfordColBERT(configuration, tokenizer)
    case .pyLate: try pyLateColBERT(configuration, tokenizer)
    }
    let file = path + "/" + (layout == .stanford ? Self.colBERTMetadataName : Self.settingsName)
    for (name, side) in [("queries", checkpoint.query), ("documents", checkpoint.document)] {
      // Both special tokens, the marker and one of the text.
      guard side.length >= (side.marker == nil ? 3 : 4) else {
        throw ModelError.configuration(file: file, reason: "\(name) of \(side.length) tokens have no room for a text")
      }
      guard side.length <= configuration.maximumPositions else {
        throw ModelError.positions(asked: side.length, limit: configuration.maximumPositions)
      }
    }
    if let rotary = configuration.rotary, rotary.isLocal.contains(true), checkpoint.filler != nil, !checkpoint.attendsToFiller {
      // The last filling token must reach the text, be it as short as can be.
      let farthest = checkpoint.query.length - (checkpoint.query.marker == nil ? 2 : 3)
      guard farthest <= rotary.localWindow / 2 else {
        throw ModelError.configuration(
          file: file, reason: "queries are filled up to \(checkpoint.query.length) tokens, of which the last cannot see the "
            + "first in layers that reach \(rotary.localWindow / 2) tokens; such a model has to attend to [MASK]")
      }
    }
    return checkpoint
  }

  // MARK: stanford-futuredata/ColBERT

  /// Keys that are missing have the program's own defaults.
  private func stanfordColBERT(
    _ configuration: BertConfiguration, _ tokenizer: any InputTokenizer
  ) throws -> ColBERTCheckpoint {
    struct Metadata: Decodable {
      let dim: Int?
      let query_maxlen: Int?
      let doc_maxlen: Int?
      let mask_punctuation: Bool?
      let query_token_id: String?
      let doc_token_id: String?
      let attend_to_mask_tokens: Bool?
      let interaction: String?
      let similarity: String?
    }
    guard contains(Self.colBERTMetadataName) else {
      throw ModelError.configuration(
        file: path + "/" + Self.configurationName,
        reason: "a ColBERT without \(Self.colBERTMetadataName), which says how it reads queries and documents")
    }
    let (file, metadata) = try decoded(Metadata.self, Self.colBERTMetadataName)
    if let other = metadata.interaction, other != "colbert" {
      throw ModelError.configuration(file: file, reason: "interaction is '\(other)'; 'colbert' is supported")
    }
    // l2 is 2 cos - 2 for vectors of unit length: the order is the same.
    if let other = metadata.similarity, other != "cosine", other != "l2" {
      throw ModelError.configuration(file: file, reason: "similarity is '\(other)'; 'cosine' and 'l2' are supported")
    }
    let weights = try WeightSource(path: try self.file(Self.weightsName))
    let name = "linear"
    guard let shape = weights.shape(name + ".weight") else {
      throw ModelError.missingTensor(file: weights.path, name: name + ".weight")
    }
    let width = metadata.dim ?? 128
    guard width > 0, shape == [width, configuration.hiddenSize] else {
      throw ModelError.configuration(
        file: file,
        reason: "dim is \(width) and the encoder's width \(configuration.hiddenSize), but \(name).weight has the shape \(shape)")
    }
    let markers = try [metadata.query_token_id ?? "[unused0]", metadata.doc_token_id ?? "[unused1]"].map {
      try marker($0, of: tokenizer, file: file)
    }
    let signs = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    let skipped = metadata.mask_punctuation ?? true ? signs.compactMap { tokenizer.encode(String($0)).first } : []
    let linear = try weights.linear(
      name, as: "colbert.linear", inputs: configuration.hiddenSize, outputs: width, hasBias: false)
    return ColBERTCheckpoint(
      query: .init(marker: markers[0], length: metadata.query_maxlen ?? 32),
      document: .init(marker: markers[1], length: metadata.doc_maxlen ?? 220), filler: try filler(of: tokenizer),
      attendsToFiller: metadata.attend_to_mask_tokens ?? false, skipped: Set(skipped),
      projections: [TokenProjection(dense: SentenceDense(linear: linear, activation: .identity))],
      weightFiles: [Self.weightsName])
  }

  // MARK: PyLate

  /// Keys that are missing have the program's own defaults.
  private func pyLateColBERT(
    _ configuration: BertConfiguration, _ tokenizer: any InputTokenizer
  ) throws -> ColBERTCheckpoint {
    struct Settings: Decodable {
      let query_prefix: String?
      let document_prefix: String?
      let query_length: Int?
      let document_length: Int?
      let do_query_expansion: Bool?
      let attend_to_expansion_tokens: Bool?
      let skiplist_words: [String]?
      let similarity_fn_name: String?
    }
    let (file, settings) = try decoded(Settings.self, Self.settingsName)
    // Of vectors of unit length, the products that MaxSim adds are cosines.
    if let other = settings.similarity_fn_name, !["MaxSim", "cosine", "dot"].contains(other) {
      throw ModelError.configuration(
        file: file, reason: "similarity_fn_name is '\(other)'; 'MaxSim', 'cosine' and 'dot' are supported")
    }
    let (modulesFile, parts) = try decoded([SentenceSettings.Part].self, "modules.json")
    guard parts[0].path.isEmpty else {
      throw ModelError.configuration(
        file: modulesFile, reason: "the transformer is in '\(parts[0].path)'; expected the folder itself")
    }
    var width = configuration.hiddenSize
    let projections = try parts.dropFirst().enumerated().map { number, part in
      let layer = try projection(part.path, number: number, inputs: width)
      width = layer.width
      return layer
    }
    let markers = try [settings.query_prefix ?? "[Q] ", settings.document_prefix ?? "[D] "].map { prefix in
      try prefix.isEmpty ? nil : marker(prefix, of: tokenizer, file: file)
    }
    let expands = settings.do_query_expansion ?? true
    let words = settings.skiplist_words ?? "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".map { String($0) }
    let texts = try SentenceSettings(textsOf: self)
    return ColBERTCheckpoint(
      query: .init(marker: markers[0], length: settings.query_length ?? 32),
      document: .init(marker: markers[1], length: settings.document_length ?? 180),
      filler: try expands ? filler(of: tokenizer) : nil, attendsToFiller: settings.attend_to_expansion_tokens ?? false,
      skipped: skipList(words, tokenizer), prompt: try texts.prompts.text(.standard), lowercases: texts.lowercases, trims: true,
      projections: projections,
      weightFiles: [Self.weightsName] + parts.dropFirst().map { $0.path + "/" + Self.weightsName })
  }

  private func projection(_ part: String, number: Int, inputs: Int) throws -> TokenProjection {
    struct Settings: Decodable { let use_residual: Bool? }
    let dense = try SentenceSettings.dense(part, self, number: number, inputs: inputs)
    let isResidual = try decoded(Settings.self, part + "/config.json").value.use_residual ?? false
    guard isResidual else { return TokenProjection(dense: dense) }
    guard dense.width != inputs else { return TokenProjection(dense: dense, residual: .input) }
    let weights = try WeightSource(path: try file(part + "/" + Self.weightsName))
    return TokenProjection(
      dense: dense,
      residual: .linear(
        try weights.linear(
          "residual", as: "colbert.residual.\(number)", inputs: inputs, outputs: dense.width, hasBias: false)))
  }

  // MARK: Tokens

  /// The tokens of some words; a word that is none stands for the unknown token, as transformers maps it.
  private func skipList(_ words: [String], _ tokenizer: any InputTokenizer) -> Set<Int32> {
    let known = Self.ids(of: Set(words + ["[UNK]", "<unk>"]), tokenizer)
    return Set(words.compactMap { known[$0] ?? known["[UNK]"] ?? known["<unk>"] })
  }

  private func marker(_ piece: String, of tokenizer: any InputTokenizer, file: String) throws -> Int32 {
    guard let id = Self.ids(of: [piece], tokenizer)[piece] else {
      throw ModelError.configuration(file: file, reason: "the marker '\(piece)' is no token of the tokenizer beside it")
    }
    return id
  }

  private func filler(of tokenizer: any InputTokenizer) throws -> Int32 {
    let found = Self.ids(of: ["[MASK]", "<mask>"], tokenizer)
    guard let id = found["[MASK]"] ?? found["<mask>"] else {
      throw ModelError.configuration(
        file: path, reason: "the tokenizer has no token [MASK] or <mask>, which fills this ColBERT's queries up")
    }
    return id
  }

  private static func ids(of pieces: Set<String>, _ tokenizer: any InputTokenizer) -> [String: Int32] {
    var result: [String: Int32] = [:]
    for id in 0..<Int32(tokenizer.vocabularySize) {
      if let piece = tokenizer.piece(id), pieces.contains(piece), result[piece] == nil { result[piece] = id }
    }
    return result
  }
}
