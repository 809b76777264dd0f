import GradusCore
import GradusRank

/// What the operators do with lists of one query.
enum ListOperations {
  /// PyTerrier's distance between the lists of a concatenation.
  static let concatenationGap = 0.0001

  static func scaled(_ list: RankedList, by weight: Double) throws(PipelineError) -> RankedList {
    guard weight.isFinite else {
      throw .outOfRange(stage: "*", name: "the weight", found: "\(weight)", expected: "a finite number")
    }
    return try RankedList(
      query: list.query, scoreKind: weight == 1 ? list.scoreKind : .unknown,
      documents: list.documents.map { ScoredDocument(docno: $0.docno, score: $0.score * weight) },
      featureNames: list.featureNames, features: list.features, stage: "*")
  }

  /// - Parameters:
  ///   - lists: At least one, all of one query.
  ///   - names: Of the pipelines that made them, for features.
  static func joined(_ lists: [RankedList], _ join: ListJoin, names: [String]) throws -> RankedList {
    switch join {
    case .sum: try sum(lists)
    case .union: try unscored(lists, inAtLeast: 1, stage: "|||")
    case .intersection: try unscored(lists, inAtLeast: lists.count, stage: "&&&")
    case .concatenation: try lists.dropFirst().reduce(lists[0], concatenated)
    case .features: try featureUnion(lists, names: names)
    case .fusion(let fusion):
      RankedList(
        query: lists[0].query, scoreKind: .unknown,
        ordered: try fusion.fuse(lists.map(\.ranking), qid: lists[0].query.qid).documents)
    }
  }

  private static func sum(_ lists: [RankedList]) throws(PipelineError) -> RankedList {
    var places = DocnoPlaces()
    var scores: [Double] = []
    for list in lists {
      for document in list.documents {
        let place = places.place(of: document.docno)
        if place == scores.count { scores.append(document.score) } else { scores[place] += document.score }
      }
    }
    return try RankedList(
      query: lists[0].query, scoreKind: .unknown,
      documents: zip(places.docnos, scores).map { ScoredDocument(docno: $0, score: $1) }, stage: "+")
  }

  private static func unscored(_ lists: [RankedList], inAtLeast wanted: Int, stage: String) throws(PipelineError) -> RankedList {
    var places = DocnoPlaces()
    var hits: [Int] = []
    for list in lists {
      for document in list.documents {
        let place = places.place(of: document.docno)
        if place == hits.count { hits.append(1) } else { hits[place] += 1 }
      }
    }
    return try RankedList(
      query: lists[0].query, scoreKind: .unknown,
      documents: zip(places.docnos, hits).filter { $1 >= wanted }.map { ScoredDocument(docno: $0.0, score: 0) }, stage: stage)
  }

  private static func concatenated(_ upper: RankedList, _ lower: RankedList) throws(PipelineError) -> RankedList {
    var places = DocnoPlaces()
    for document in upper.documents { _ = places.place(of: document.docno) }
    let rest = lower.documents.filter { places.known($0.docno) == nil }
    guard let floor = upper.documents.last?.score, let ceiling = rest.first?.score else {
      return upper.documents.isEmpty ? lower : upper
    }
    var documents = upper.documents
    var last = (old: ceiling, new: floor)
    for (position, document) in rest.enumerated() {
      var score = floor - concatenationGap - (ceiling - document.score)
      // Rounding must neither lift a document into the upper list nor join what the lower list tells apart.
      if position == 0 || document.score < last.old { score = min(score, last.new.nextDown) } else { score = last.new }
      documents.append(ScoredDocument(docno: document.docno, score: score))
      last = (document.score, score)
    }
    return try RankedList(
      query: upper.query, scoreKind: upper.scoreKind == lower.scoreKind ? upper.scoreKind : .unknown, documents: documents,
      stage: "^^^")
  }

  private static func featureUnion(_ lists: [RankedList], names: [String]) throws(PipelineError) -> RankedList {
    let sides = zip(lists, names).map { $0.featureNames.isEmpty ? [$1] : $0.featureNames }
    let width = sides.reduce(0) { $0 + $1.count }
    var places = DocnoPlaces()
    var features: [[Double]] = []
    var start = 0
    for (list, side) in zip(lists, sides) {
      for (position, document) in list.documents.enumerated() {
        let place = places.place(of: document.docno)
        if place == features.count { features.append([Double](repeating: 0, count: width)) }
        if list.features.isEmpty {
          features[place][start] = document.score
        } else {
          features[place].replaceSubrange(start..<start + side.count, with: list.features[position])
        }
      }
      start += side.count
    }
    // The first side's documents keep their order, the others follow; what only they have stands lowest, at its own distance.
    let known = Dictionary(
      lists[0].documents.map { ($0.docno, $0.score) }, uniquingKeysWith: { first, _ in first })
    let floor = lists[0].documents.last?.score ?? 0
    let below = RerankedTail.scores(below: lists[0].documents.isEmpty ? nil : floor, count: 1)[0]
    return try RankedList(
      query: lists[0].query, scoreKind: .unknown,
      documents: places.docnos.map { ScoredDocument(docno: $0, score: known[$0] ?? below) },
      featureNames: sides.flatMap { $0 }, features: features, stage: "**")
  }
}

/// Documents by number, in order of first appearance; names are compared by their bytes.
struct DocnoPlaces {
  private(set) var docnos: [String] = []
  private var places: [[UInt8]: Int] = [:]

  /// The number of a document, the next one where it has none.
  mutating func place(of docno: String) -> Int {
    let bytes = Array(docno.utf8)
    if let place = places[bytes] { return place }
    places[bytes] = docnos.count
    docnos.append(docno)
    return docnos.count - 1
  }

  func known(_ docno: String) -> Int? { places[Array(docno.utf8)] }
}
