import ArgumentParser
import Gradus

/// The formats that `gradus validate` knows.
enum FileKind: String, ExpressibleByArgument, CaseIterable {
  case run, qrels, topics, corpus, collection, features, safetensors, index, model
  case stateDict = "state-dict"

  /// Tells a folder by what it holds and a file by its name and first line.
  static func guess(_ path: String) throws -> FileKind {
    guard path != "-" else { throw UsageError("standard input can be read only once: say what it is with --kind") }
    if Folder.isFolder(path) {
      func holds(_ name: String) -> Bool { InputNames.exists(path + "/" + name) }
      if holds("manifest") { return .index }
      let weights = ["model.safetensors", "pytorch_model.bin"].flatMap { [$0, $0 + ShardIndex.suffix] }
      if (["config.json", "gradus.json"] + weights).contains(where: holds) { return .model }
      if ["corpus.jsonl", "corpus.jsonl.gz"].contains(where: holds) { return .collection }
      return .corpus
    }
    // An index of shards stands for all of them.
    let name = ShardIndex.isIndex(path) ? String(path.dropLast(ShardIndex.suffix.count)) : path
    if name.hasSuffix(".safetensors") { return .safetensors }
    if [".bin", ".pt", ".pth"].contains(where: name.hasSuffix) { return .stateDict }
    return try guess(firstLine: path)
  }

  private static func guess(firstLine path: String) throws -> FileKind {
    if try InputNames.isFeatureFile(path) { return .features }
    let name = String(path.split(separator: "/").last ?? "")
    let reader = try LineReader(path: path)
    while let bytes = try reader.next() {
      let line = String(decoding: bytes, as: UTF8.self)
      let fields = line.split(whereSeparator: \.isWhitespace)
      guard let first = fields.first, !first.hasPrefix("#") else { continue }
      if line.contains("\t"), first == "query-id" { return .qrels }
      if first.hasPrefix("{") { return isNamedLikeTopics(name) ? .topics : .corpus }
      let lowered = first.lowercased()
      if lowered.hasPrefix("<top") || lowered.hasPrefix("<xml") || lowered.hasPrefix("<?xml") { return .topics }
      if first.hasPrefix("<") { return .corpus }
      let endsInInteger = fields.last.flatMap { Int($0) } != nil
      if fields.count == 6, Double(fields[4]) != nil { return .run }
      if fields.count == 4 || fields.count == 3, endsInInteger { return .qrels }
      // The first line may be the one that is wrong: the name decides.
      if name.contains("qrel") { return .qrels }
      if name.contains(".run") || name.contains(".trec") { return .run }
      if line.contains("\t") { return isNamedLikeTopics(name) ? .topics : .corpus }
      break
    }
    throw UsageError("\(path): cannot tell what it is; say so with --kind (\(allCases.map(\.rawValue).joined(separator: ", ")))")
  }

  private static func isNamedLikeTopics(_ name: String) -> Bool {
    ["quer", "topic", "question"].contains { name.lowercased().contains($0) }
  }
}

/// Reads a file from end to end and counts what it holds.
struct FileChecker {
  let path: String
  let kind: FileKind

  /// - Throws: The reader's error at the first problem, with file and line.
  func counts() throws -> [ValidateCommand.Count] {
    switch kind {
    case .run:
      let run = try TrecRunReader.read(path)
      return [.init("queries", run.rankings.count), .init("documents", run.rankings.reduce(0) { $0 + $1.documents.count })]
    case .qrels: return counts(of: try QrelsReader.read(path))
    case .topics: return [.init("queries", try TopicsReader.read(path).count)]
    case .corpus: return try corpusCounts()
    case .collection: return try collectionCounts()
    case .features:
      let data = try LETORReader.read(path)
      return [.init("queries", data.groups.count), .init("documents", data.rowCount), .init("features", data.width)]
    case .safetensors: return try counts(of: ShardIndex.isIndex(path) ? TensorShards(index: path) : SafetensorsFile(path: path))
    case .stateDict: return try counts(of: ShardIndex.isIndex(path) ? TensorShards(index: path) : PyTorchStateDict(path: path))
    case .index: return try indexCounts()
    case .model: return try modelCounts()
    }
  }

  private func counts(of qrels: Qrels) -> [ValidateCommand.Count] {
    let grades = qrels.qids.flatMap { qrels[$0].values }
    return [
      .init("queries", qrels.qids.count), .init("judgements", grades.count), .init("relevant", grades.count { $0 > 0 }),
    ]
  }

  private func corpusCounts() throws -> [ValidateCommand.Count] {
    let reader = try CorpusReader(path: path)
    var documents = 0
    var empty = 0
    while let document = try reader.next() {
      documents += 1
      if document.contents.allSatisfy(\.isWhitespace) { empty += 1 }
    }
    return [.init("documents", documents), .init("of them empty", empty)]
  }

  private func collectionCounts() throws -> [ValidateCommand.Count] {
    let collection = try CollectionCatalog().locate(path.hasPrefix("/") ? path : "./" + path)
    let reader = try CorpusReader(path: collection.corpus)
    var docnos: Set<String> = []
    while let document = try reader.next() { docnos.insert(document.docno) }
    var counts: [ValidateCommand.Count] = [.init("documents", docnos.count)]
    let qids = try collection.queries.map { Set(try TopicsReader.read($0).map(\.qid)) }
    if let qids { counts.append(.init("queries", qids.count)) }
    for split in collection.splits {
      let file = try collection.qrels(split)
      let qrels = try QrelsReader.read(file)
      counts.append(.init("\(split) judgements", qrels.qids.reduce(0) { $0 + qrels[$1].count }))
      for qid in qrels.qids {
        if let qids, !qids.contains(qid) {
          throw CollectionContradiction(file: file, what: "query \(qid) is judged and not among the queries")
        }
        if let absent = qrels[qid].keys.sorted().first(where: { !docnos.contains($0) }) {
          throw CollectionContradiction(file: file, what: "document \(absent) is judged for query \(qid) and not in the corpus")
        }
      }
    }
    return counts
  }

  private func counts(of file: any TensorFile) throws -> [ValidateCommand.Count] {
    var values = 0
    for name in file.names {
      values += file.shape(name)?.reduce(1, *) ?? 0
      guard file.type(name)?.isFloatingPoint == true,
        let position = try file.floats(name).firstIndex(where: { !$0.isFinite })
      else { continue }
      throw NotFiniteError(file: file.path(of: name), tensor: name, position: position)
    }
    return [.init("tensors", file.names.count), .init("values", values)]
  }

  private func indexCounts() throws -> [ValidateCommand.Count] {
    if VectorIndex.isPresent(at: path) {
      let index = try VectorIndex(path: path)
      try index.verify()
      return [.init("vectors", index.count), .init("deleted", index.deletedCount), .init("segments", index.segmentCount)]
    }
    if ImpactIndex.isPresent(at: path) {
      let index = try ImpactIndex(path: path)
      try index.verify()
      return [
        .init("documents", index.statistics.documents), .init("terms", index.statistics.terms),
        .init("postings", index.statistics.postings), .init("deleted", index.deletedCount),
        .init("segments", index.segmentCount),
      ]
    }
    if TokenIndex.isPresent(at: path) {
      let index = try TokenIndex(path: path)
      try index.verify()
      return [
        .init("documents", index.count), .init("deleted", index.deletedCount), .init("segments", index.segmentCount),
        .init("token vectors", index.tokenCount), .init("centroids", index.centroidCount),
      ]
    }
    let index = try InvertedIndex(path: path)
    try index.verify()
    return [
      .init("documents", index.statistics.documents), .init("terms", index.statistics.terms),
      .init("postings", index.statistics.postings),
    ]
  }

  private func modelCounts() throws -> [ValidateCommand.Count] {
    let folder = ModelFolder(path: path)
    let weights = try TensorFiles.open(try folder.file(ModelFolder.weightsName))
    var tensors = try counts(of: weights)
    if let shards = weights as? TensorShards { tensors.append(.init("shards", shards.index.files.count)) }
    if folder.isDecoder { return tensors + (try decoderCounts(folder)) }
    let tokenizer = try folder.tokenizer()
    let parameters: Int
    if InputNames.exists(path + "/" + ModelManifest.fileName) {
      parameters = try RankingModel(folder: folder).scorer.parameterCount
    } else {
      parameters = try BertEncoder(folder: folder).parameterCount
    }
    return tensors + [.init("parameters", parameters), .init("word pieces", tokenizer.vocabularySize)]
  }

  private func decoderCounts(_ folder: ModelFolder) throws -> [ValidateCommand.Count] {
    let tokenizer = try BytePairTokenizer(decoder: path)
    let decoder = try LlamaDecoder(path: path)
    let rows = decoder.configuration.vocabularySize
    guard tokenizer.vocabularySize <= rows else {
      throw ModelError.tokenizerMismatch(folder: path, table: "word", largest: tokenizer.vocabularySize - 1, rows: rows)
    }
    return [.init("layers", decoder.configuration.layerCount), .init("word pieces", tokenizer.vocabularySize)]
  }
}

/// Files of a collection that do not fit together.
struct CollectionContradiction: GradusError, Equatable {
  let file: String
  let what: String

  var failureKind: FailureKind { .badData }
  var description: String { "\(file): \(what)" }
}

/// Weights that no computation survives.
struct NotFiniteError: GradusError, Equatable {
  let file: String
  let tensor: String
  let position: Int

  var failureKind: FailureKind { .badData }
  var description: String { "\(file): value \(position) of tensor '\(tensor)' is not a finite number; the weights are unusable" }
}
