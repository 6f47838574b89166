// peer: what nginx, PostgREST and vvault replace, for bench/run.sh http alone.
//
// Written for the comparison after a description of such a server: net/http, a
// pool of 20 connections, a cache in the process that keeps a region's feed for
// three hours as a value and encodes it anew for each request, CORS, and a line
// in a log for each request. It reads the tables of vvault with the SQL that one
// would write for them.
//
// With "whole" it serves all fields that vvault's feeds have, so as many bytes.
//
// usage: peer ADDRESS CONNECTION-STRING [whole]
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v4/pgxpool"
)

const (
	pageSize   = 25
	keep       = 3 * time.Hour
	listVideos = `SELECT v.video_id, v.title, v.channel_title, v.views, v.likes,
	v.thumbnail_url, r.regions, v.content_language, v.engagement_rate`
	moreOfVideos = `, v.comments, v.channel_id, v.category_id, v.published_at, v.rank, v.virality_score,
	v.momentum_score, v.live, v.scheduled_at`
	fromVideos = ` FROM vvault.videos v JOIN vvault.video_regions r USING (video_id)
WHERE v.region = $1 ORDER BY v.views DESC, v.video_id LIMIT $2`
)

// Video is a row of the feed.
type Video struct {
	VideoID         string   `json:"video_id"`
	Title           string   `json:"title"`
	ChannelTitle    string   `json:"channel_title"`
	Views           int64    `json:"views"`
	Likes           *int64   `json:"likes"`
	ThumbnailURL    string   `json:"thumbnail_url"`
	Regions         []string `json:"regions"`
	ContentLanguage *string  `json:"content_language"`
	EngagementRate  *float64 `json:"engagement_rate"`
}

// WholeVideo is a row with all fields of vvault's.
type WholeVideo struct {
	Video
	Comments      *int64     `json:"comments"`
	ChannelID     *string    `json:"channel_id"`
	CategoryID    *int       `json:"category_id"`
	PublishedAt   *time.Time `json:"published_at"`
	Rank          *int       `json:"rank"`
	ViralityScore *float64   `json:"virality_score"`
	MomentumScore *float64   `json:"momentum_score"`
	Live          *string    `json:"live"`
	ScheduledAt   *time.Time `json:"scheduled_at"`
}

// Feed is the reply; its videos are []Video or []WholeVideo.
type Feed struct {
	Region     string      `json:"region"`
	RegionName string      `json:"region_name"`
	Videos     interface{} `json:"videos"`
	Total      int         `json:"total"`
}

type entry struct {
	feed    *Feed
	expires time.Time
}

type server struct {
	pool  *pgxpool.Pool
	names map[string]string
	whole bool

	mu    sync.RWMutex
	cache map[string]entry
}

func (s *server) cached(region string) *Feed {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e, ok := s.cache[region]; ok && time.Now().Before(e.expires) {
		return e.feed
	}
	return nil
}

func (s *server) load(ctx context.Context, region string) (*Feed, error) {
	query := listVideos + fromVideos
	if s.whole {
		query = listVideos + moreOfVideos + fromVideos
	}
	rows, err := s.pool.Query(ctx, query, region, pageSize)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	plain, whole := []Video{}, []WholeVideo{}
	for rows.Next() {
		var v WholeVideo
		fields := []interface{}{&v.VideoID, &v.Title, &v.ChannelTitle, &v.Views, &v.Likes,
			&v.ThumbnailURL, &v.Regions, &v.ContentLanguage, &v.EngagementRate}
		if s.whole {
			fields = append(fields, &v.Comments, &v.ChannelID, &v.CategoryID, &v.PublishedAt, &v.Rank,
				&v.ViralityScore, &v.MomentumScore, &v.Live, &v.ScheduledAt)
		}
		if err := rows.Scan(fields...); err != nil {
			return nil, err
		}
		plain = append(plain, v.Video)
		whole = append(whole, v)
	}
	feed := &Feed{Region: region, RegionName: s.names[region], Videos: plain, Total: len(plain)}
	if s.whole {
		feed.Videos = whole
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.cache[region] = entry{feed, time.Now().Add(keep)}
	s.mu.Unlock()
	return feed, nil
}

func reply(w http.ResponseWriter, status int, value interface{}) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Print(err)
	}
}

func (s *server) trending(w http.ResponseWriter, r *http.Request) {
	region := strings.TrimPrefix(r.URL.Path, "/api/trending/")
	if _, ok := s.names[region]; !ok {
		reply(w, http.StatusBadRequest, map[string]string{"error": "invalid region"})
		return
	}
	feed := s.cached(region)
	w.Header().Set("X-Cache", "HIT")
	if feed == nil {
		var err error
		w.Header().Set("X-Cache", "MISS")
		if feed, err = s.load(r.Context(), region); err != nil {
			log.Print(err)
			reply(w, http.StatusInternalServerError, map[string]string{"error": "internal error"})
			return
		}
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	reply(w, http.StatusOK, feed)
}

func withCORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://www.example.org")
		w.Header().Set("Access-Control-Allow-Methods", "GET, OPTIONS")
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func withLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		next.ServeHTTP(w, r)
		log.Printf("%s %s %s %s", r.RemoteAddr, r.Method, r.URL.Path, time.Since(start))
	})
}

func main() {
	whole := len(os.Args) == 4 && os.Args[3] == "whole"
	if len(os.Args) != 3 && !whole {
		log.Fatal("usage: peer ADDRESS CONNECTION-STRING [whole]")
	}
	config, err := pgxpool.ParseConfig(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	config.MaxConns = 20
	pool, err := pgxpool.ConnectConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	s := &server{
		pool:  pool,
		whole: whole,
		names: map[string]string{"US": "United States", "GB": "United Kingdom", "PL": "Poland",
			"NL": "Netherlands", "SE": "Sweden", "NO": "Norway", "AT": "Austria"},
		cache: map[string]entry{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/trending/", s.trending)
	log.Fatal(http.ListenAndServe(os.Args[1], withLog(withCORS(mux))))
}
