import GradusCore
import GradusTrain

/// The pairs of a study, and which of them are wrong.
struct NoisyPairs {
  let all: [(qid: String, docno: String)]
  /// By ``ConsensusWeighting/key(_:)``.
  let wrong: Set<String>

  init(_ bench: VectorBench, _ settings: StudySettings, generator: SeededGenerator) throws {
    var stream = generator.stream("pairs")
    let judged = bench.positives(grade: settings.count("positive-grade"))
    let count = min(settings.count("pairs"), judged.count)
    var pairs = stream.permutation(judged.count).prefix(count).map { judged[$0] }
    var wrongStream = generator.stream("wrong pairs")
    let chosen = Array(wrongStream.permutation(count).prefix(Int(settings.number("wrong-share") * Double(count))))
    let documents = chosen.map { pairs[$0].docno }
    var wrong: Set<String> = []
    let relevant = bench.relevant
    // Each takes the next one's document: a permutation in which few stay right by chance.
    for (place, position) in chosen.enumerated() {
      pairs[position].docno = documents[(place + 1) % documents.count]
      let pair = pairs[position]
      if relevant[pair.qid]?.contains(pair.docno) != true { wrong.insert("\(pair.qid) \(pair.docno)") }
    }
    self.wrong = wrong
    let share = settings.number("easy-share")
    let titled = bench.docnos.filter { bench.queries.contains("title:" + $0) }
    let wanted = min(titled.count, Int(share / (1 - share) * Double(count)))
    guard share == 0 || wanted > 0 else {
      throw StudyError.missingData(study: NoisyPairsStudy.name, what: "documents with titles", searched: [settings["data"]])
    }
    var easyStream = generator.stream("easy pairs")
    all = pairs + easyStream.permutation(titled.count).prefix(wanted).map { ("title:" + titled[$0], titled[$0]) }
  }
}
