-- A format whose worker died again and again is not tried again by itself. ARGV: job, stage, error as JSON
if state(ARGV[1]) then tell_of_format(ARGV[1], ARGV[2], ARGV[3]) end
