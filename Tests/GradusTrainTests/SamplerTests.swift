import GradusCore
@testable import GradusTrain
import GradusTestSupport
import Testing

@Suite("Samplers")
struct SamplerTests {
  static func grade(_ qid: String, _ docno: String) -> Int { TinyCollection.qrels.grade(qid: qid, docno: docno) ?? 0 }

  @Test("Pairs: positives reach the cut and are in the run, negatives have a lower grade, queries come once a round")
  func pairs() throws {
    for (cut, negatives) in [(1, 1), (3, 2)] {
      var sampler = try PairwiseSampler(
        run: TinyCollection.run, qrels: TinyCollection.qrels, minimumPositiveGrade: cut, negatives: negatives, seed: 5)
      let round = try #require(sampler.samplesPerPass)
      var gradedNegative = false
      for _ in 0..<40 {
        let samples = try sampler.next(round)
        #expect(Set(samples.map(\.qid)).count == round)
        for sample in samples {
          let run = try #require(TinyCollection.run[sample.qid]).documents.map(\.docno)
          let grades = sample.documents.map { Self.grade(sample.qid, $0.docno) }
          #expect(sample.form == .pairwise && sample.documents.count == 1 + negatives)
          #expect(sample.documents.map(\.isPositive) == [true] + .init(repeating: false, count: negatives))
          #expect(sample.documents.allSatisfy { run.contains($0.docno) })
          #expect(Set(sample.documents.map(\.docno)).count == 1 + negatives)
          #expect(grades[0] >= cut && grades.dropFirst().allSatisfy { $0 < grades[0] })
          #expect(sample.documents.map(\.label) == grades.map(Double.init))
          if grades[1] > 0 { gradedNegative = true }
        }
      }
      #expect(gradedNegative, "a relevant document of lower grade must occur as a negative")
    }
  }

  @Test("All positives and negatives of a query come up about equally often")
  func uniformity() throws {
    var qrels = Qrels()
    for (docno, grade) in [("b", 1), ("e", 1)] { qrels.judge(qid: "q", docno: docno, grade: grade) }
    var sampler = try PairwiseSampler(run: WorkedRun.run(), qrels: qrels, negatives: 2, seed: 3)
    var counts: [String: Int] = [:]
    for sample in try sampler.next(6000) { for document in sample.documents { counts[document.docno, default: 0] += 1 } }
    // Each of 2 positives 3000 (standard deviation 39), each of 3 negatives 4000 (standard deviation 37).
    for docno in ["b", "e"] { #expect(abs(counts[docno, default: 0] - 3000) < 200) }
    for docno in ["a", "c", "d"] { #expect(abs(counts[docno, default: 0] - 4000) < 200) }
  }

  @Test("Queries without a positive in the run, or without enough lower-graded documents, are skipped and counted")
  func skipped() throws {
    var qrels = Qrels()
    qrels.judge(qid: "q0", docno: "d0-2", grade: 1)
    qrels.judge(qid: "q1", docno: "elsewhere", grade: 1)
    for position in 0..<TinyCollection.depth { qrels.judge(qid: "q2", docno: "d2-\(position)", grade: 1) }
    var sampler = try PairwiseSampler(run: TinyCollection.run, qrels: qrels, seed: 1)
    #expect(sampler.samplesPerPass == 1 && sampler.skippedQueries == TinyCollection.queries - 1)
    #expect(try sampler.next(5).allSatisfy { $0.qid == "q0" && $0.documents[0].docno == "d0-2" })
    #expect(throws: SamplerError.self) {
      try PairwiseSampler(run: TinyCollection.run, qrels: qrels, negatives: TinyCollection.depth, seed: 1)
    }
    #expect(throws: SamplerError.negativesBelowOne(0)) {
      try PairwiseSampler(run: TinyCollection.run, qrels: qrels, negatives: 0, seed: 1)
    }
    #expect(throws: SamplerError.positiveGradeBelowOne(0)) {
      try PairwiseSampler(run: TinyCollection.run, qrels: qrels, minimumPositiveGrade: 0, seed: 1)
    }
    #expect(throws: SamplerError.nothingToSample(queries: 0, needed: "a candidate")) {
      try PointwiseSampler(run: Run(name: "r"), qrels: qrels, seed: 1)
    }
  }

  @Test("Points: every document once a round, unjudged 0, positivity by the cut and not by the label")
  func points() throws {
    var sampler = try PointwiseSampler(
      run: TinyCollection.run, qrels: TinyCollection.qrels, minimumPositiveGrade: 2, seed: 5)
    let round = TinyCollection.queries * TinyCollection.depth
    #expect(sampler.samplesPerPass == round)
    let first = try sampler.next(round)
    let second = try sampler.next(round)
    #expect(Set(first.map(\.id)).count == round)
    #expect(Set(first) == Set(second) && Set(first) == Set(sampler.everySample) && first != second)
    for sample in first {
      let grade = Self.grade(sample.qid, sample.documents[0].docno)
      #expect(sample.documents[0].label == Double(grade) && sample.documents[0].isPositive == (grade >= 2))
    }
    var binary = try PointwiseSampler(
      run: TinyCollection.run, qrels: TinyCollection.qrels, minimumPositiveGrade: 2, labels: .binary, seed: 5)
    #expect(binary.next().documents[0].label == (first[0].documents[0].isPositive ? 1 : 0))
  }

  @Test("The same seed draws the same samples, another seed others")
  func seeds() throws {
    func draw(_ seed: UInt64) throws -> [TrainingSample] {
      var sampler = try PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, seed: seed)
      return try sampler.next(50)
    }
    #expect(try draw(1) == draw(1))
    #expect(try draw(1) != draw(2))
  }

  static func resumeCheck<S: TrainingSampler>(_ fresh: S) throws {
    for pause in [0, 1, 7, 12, 31] {
      var straight = fresh
      _ = try straight.next(pause)
      var resumed = fresh
      try resumed.resume(fromEncoded: straight.encodedState())
      #expect(try resumed.next(40) == straight.next(40))
    }
  }

  @Test("A resumed sampler draws what the interrupted one would have drawn, also in the middle of a round")
  func resume() throws {
    let run = TinyCollection.run
    let qrels = TinyCollection.qrels
    let pairs = try PairwiseSampler(run: run, qrels: qrels, seed: 9)
    try Self.resumeCheck(pairs)
    try Self.resumeCheck(try PointwiseSampler(run: run, qrels: qrels, seed: 9))
    var others: [PairwiseSampler] = [
      try PairwiseSampler(run: run, qrels: qrels, seed: 10),
      try PairwiseSampler(run: run, qrels: qrels, negatives: 2, seed: 9),
      try PairwiseSampler(run: run.prefix(8), qrels: qrels, seed: 9),
    ]
    for position in others.indices {
      #expect(throws: SamplerError.self) { try others[position].resume(from: pairs.resumeState) }
    }
  }

  @Test("Triples come in file order, for ever; pointwise gives the positive, then the negative")
  func triples() throws {
    let path = try TemporaryFolder.makeFile("1\ta\tb\n2 c d\r\n3\te\tf", "triples.tsv")
    var pairs = try TripleFileSampler(path: path, form: .pairwise)
    #expect(try pairs.next(4).map(\.id.text) == ["1 a b", "2 c d", "3 e f", "1 a b"])
    var points = try TripleFileSampler(path: path, form: .pointwise)
    let samples = try points.next(7)
    #expect(samples.map(\.documents[0].docno) == ["a", "b", "c", "d", "e", "f", "a"])
    #expect(samples.map(\.documents[0].label) == [1, 0, 1, 0, 1, 0, 1])
    #expect(samples.map(\.documents[0].isPositive) == [true, false, true, false, true, false, true])
    try Self.resumeCheck(try TripleFileSampler(path: path, form: .pairwise))
    try Self.resumeCheck(try TripleFileSampler(path: path, form: .pointwise))
    #expect(throws: SamplerError.self) { try points.resume(from: pairs.resumeState) }
  }

  @Test("Triples longer than the read buffer; broken, empty, missing and compressed files")
  func tripleFiles() throws {
    let lines = (0..<40_000).map { "query\($0)\tpositive\($0)\tnegative\($0)" }
    let long = try TemporaryFolder.makeFile(lines.joined(separator: "\n") + "\n", "long.tsv")
    let broken = try TemporaryFolder.makeFile("1\ta\tb\n2\tc\n", "broken.tsv")
    let empty = try TemporaryFolder.makeFile("", "empty.tsv")
    var sampler = try TripleFileSampler(path: long, form: .pairwise)
    for number in 0..<40_001 {
      #expect(try sampler.next().qid == "query\(number % 40_000)")
    }
    var short = try TripleFileSampler(path: broken, form: .pairwise)
    _ = try short.next()
    #expect(throws: SamplerError.tripleFields(file: broken, line: 2, fields: 2)) { try short.next() }
    #expect(throws: SamplerError.emptyFile(empty)) { try TripleFileSampler(path: empty, form: .pairwise) }
    #expect(throws: SamplerError.compressedFile("x.tsv.gz")) { try TripleFileSampler(path: "x.tsv.gz", form: .pairwise) }
    #expect(throws: FileError.self) { try TripleFileSampler(path: empty + ".missing", form: .pairwise) }
  }

  @Test("Sample ids are readable, stable and distinct")
  func ids() {
    #expect(TrainingSample.pairwise(qid: "7", positive: "d2", negatives: ["d9", "d1"]).id.text == "7 d2 d9 d1")
    let one = TrainingSample.pointwise(qid: "7", docno: "d2", label: 1, isPositive: true)
    let zero = TrainingSample.pointwise(qid: "7", docno: "d2", label: 0, isPositive: false)
    #expect(one.id != zero.id && one.id.text == "7 d2\t1.0")
  }
}
